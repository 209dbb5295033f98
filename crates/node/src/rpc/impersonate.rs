//! Sending from accounts whose keys nobody has, as test frameworks do.

use super::{Args, Call, Methods, errors::RpcResult};
use serde_json::{Value, json};

pub(super) const METHODS: Methods = &[
    ("anvil_impersonateAccount", impersonate),
    ("hardhat_impersonateAccount", impersonate),
    ("anvil_stopImpersonatingAccount", stop),
    ("hardhat_stopImpersonatingAccount", stop),
    ("anvil_autoImpersonateAccount", impersonate_all),
];

fn impersonate(call: &mut Call<'_>, args: &Args) -> RpcResult {
    call.engine.impersonated.add(args.address(0)?)?;
    Ok(Value::Null)
}

fn stop(call: &mut Call<'_>, args: &Args) -> RpcResult {
    Ok(json!(call.engine.impersonated.remove(args.address(0)?)))
}

fn impersonate_all(call: &mut Call<'_>, args: &Args) -> RpcResult {
    call.engine.impersonated.all(args.required(0)?);
    Ok(Value::Null)
}
