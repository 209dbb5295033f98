//! What a node that follows does not do itself: it passes it on to the sequencer (P31).

use super::{Port, sealed, submit};
use jsonrpsee::RpcModule;

/// Methods that order something, or that only the sequencer's key or committee answers.
const FORWARDED: &[&str] = &[
    submit::SEND_RAW,
    "eth_sendRawTransactionConditional",
    "eth_sendRawTransactionSync",
    "eth_sendBundle",
    "weft_sendBundle",
    "weft_prepareBundle",
    sealed::SEND,
    "weft_promiseBundle",
    "weft_announceShare",
    "weft_releaseSecret",
    "weft_openEpoch",
    // Keys are not part of what a sequencer signs of its slots: one that L1 does not hold yet might be anybody's.
    "weft_keyList",
    "weft_getEpoch",
    "weft_getEpochNotice",
];

/// Lets these methods be answered by the sequencer, where its address is known.
pub(super) fn register(module: &mut RpcModule<Port>, port: &Port) {
    if port.upstream.is_none() {
        return;
    }
    for name in FORWARDED {
        module.remove_method(name);
        module
            .register_async_method(name, move |params, port, _| async move {
                let upstream = port.upstream.as_ref().expect("looked at when it was registered");
                upstream.pass(name, params.as_str()).await
            })
            .expect("it was removed");
    }
}
