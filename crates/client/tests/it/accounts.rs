//! Accounts that are contracts, as published, through alloy on every rollup: a Safe of two out of three, a permit of Permit2,
//! a user operation of ERC-4337; with what they do to another rollup, and what is refused.

use crate::{
    published::{
        Account, AccountFactory, EntryPoint, PERMIT2, Permit2, Safe, SafeFactory, Weth, creation,
        typed,
    },
    world::{World, address, signer},
};
use alloy_primitives::{Address, B256, Bytes, U256, address as literal};
use alloy_provider::Provider as _;
use alloy_rpc_types_eth::{TransactionReceipt, TransactionRequest};
use alloy_signer::SignerSync as _;
use alloy_sol_types::{
    Eip712Domain, SolCall, SolConstructor as _, SolError, SolEvent, SolStruct, eip712_domain,
};
use weft_contracts::Counter;

const ETHER: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);
/// Nobody's address.
const FRIEND: Address = literal!("00000000000000000000000000000000000000f1");
const DEPLOYER: usize = 0;
const ALICE: usize = 1;
const BOB: usize = 2;
const CAROL: usize = 3;
const DAVE: usize = 4;
const BUNDLER: usize = 5;

/// One rollup of a running node, and another one on which a counter is called.
struct Here<'a> {
    world: &'a World,
    id: u64,
    other: u64,
}

#[tokio::test]
async fn a_safe_acts_with_two_of_its_three_owners() {
    on_every_rollup(async |here| {
        let safe = here.new_safe(&[ALICE, BOB, CAROL]).await;
        here.pay(ALICE, safe, U256::from(2) * ETHER).await;
        let payment = Safe::execTransactionCall::to(FRIEND, ETHER, Bytes::new());
        let receipt = here.execute(safe, payment.clone(), &[ALICE, CAROL], here.id).await;
        assert_eq!(events::<Safe::ExecutionSuccess>(&receipt).len(), 1);
        assert_eq!(here.balance(FRIEND).await, ETHER);

        let (counter, proxy) = here.counter_elsewhere().await;
        let increment = Counter::incrementCall {}.abi_encode().into();
        let increment = Safe::execTransactionCall::to(proxy, U256::ZERO, increment);
        assert!(here.execute(safe, increment, &[BOB, CAROL], here.id).await.status());
        assert_eq!(here.count(counter).await, U256::from(1));

        // One owner is too few, a stranger is none, and a signature for another rollup is not one for this.
        let cases =
            [(&[ALICE][..], here.id), (&[ALICE, DAVE], here.id), (&[ALICE, BOB], here.other)];
        for (signers, on) in cases {
            assert!(
                !here.execute(safe, payment.clone(), signers, on).await.status(),
                "{signers:?}"
            );
        }
        assert_eq!(here.balance(safe).await, ETHER);
        assert_eq!(here.view(safe, Safe::nonceCall {}).await, U256::from(2));
    })
    .await;
}

#[tokio::test]
async fn permit2_moves_what_was_permitted_once() {
    on_every_rollup(async |here| {
        let weth = here.deploy("canonical-weth/build/contracts/WETH9.json", &[]).await;
        here.send(ALICE, weth, &Weth::depositCall {}, ETHER).await;
        here.send(ALICE, weth, &Weth::approveCall { guy: PERMIT2, wad: U256::MAX }, U256::ZERO)
            .await;
        let held = async || here.view(weth, Weth::balanceOfCall { owner: address(DAVE) }).await;
        let quarter = ETHER / U256::from(4);

        let foreign = permit(here.other, weth, 7);
        assert!(here.reverts_with::<Permit2::InvalidSigner>(BOB, PERMIT2, &foreign).await);
        let permitted = permit(here.id, weth, 7);
        assert!(here.reverts_with::<Permit2::InvalidSigner>(CAROL, PERMIT2, &permitted).await);
        here.send(BOB, PERMIT2, &permitted, U256::ZERO).await;
        assert_eq!(held().await, quarter);
        assert!(here.reverts_with::<Permit2::InvalidNonce>(BOB, PERMIT2, &permitted).await);
        here.send(BOB, PERMIT2, &permit(here.id, weth, 8), U256::ZERO).await;
        assert_eq!(held().await, quarter + quarter);
    })
    .await;
}

#[tokio::test]
async fn a_user_operation_creates_its_account_and_acts() {
    on_every_rollup(async |here| {
        const FOLDER: &str = "@account-abstraction/contracts/artifacts";
        let entry = here.deploy(&format!("{FOLDER}/EntryPoint.json"), &[]).await;
        let of = AccountFactory::constructorCall { entryPoint: entry }.abi_encode();
        let factory = here.deploy(&format!("{FOLDER}/SimpleAccountFactory.json"), &of).await;
        let salt = U256::from(1);
        let named = AccountFactory::getAddressCall { owner: address(ALICE), salt };
        let sender = here.view(factory, named).await;
        assert!(!here.rollup().has_code(sender).await.unwrap());
        here.pay(DAVE, sender, U256::from(2) * ETHER).await;

        let (counter, proxy) = here.counter_elsewhere().await;
        let create = AccountFactory::createAccountCall { owner: address(ALICE), salt }.abi_encode();
        let init_code: Bytes = [factory.as_slice(), &create].concat().into();
        let pay = Account::executeCall { dest: FRIEND, value: ETHER, func: Bytes::new() };
        let increment = Counter::incrementCall {}.abi_encode().into();
        let increment = Account::executeCall { dest: proxy, value: U256::ZERO, func: increment };
        let operations =
            [operation(sender, 0, init_code, &pay), operation(sender, 1, Bytes::new(), &increment)];

        // Another rollup's signature is refused before anything runs.
        let foreign = handle(&operations[0], entry, here.other);
        let refusal: EntryPoint::FailedOp = here.revert_of(BUNDLER, entry, &foreign).await.unwrap();
        assert_eq!(refusal.reason, "AA24 signature error");
        for (number, operation) in (1..).zip(&operations) {
            let handled = handle(operation, entry, here.id);
            let receipt = here.send(BUNDLER, entry, &handled, U256::ZERO).await;
            let [done] = &events::<EntryPoint::UserOperationEvent>(&receipt)[..] else { panic!() };
            assert_eq!((done.sender, done.success), (sender, true));
            let nonce = EntryPoint::getNonceCall { sender, key: Default::default() };
            assert_eq!(here.view(entry, nonce).await, U256::from(number));
        }
        assert_eq!(here.balance(FRIEND).await, ETHER);
        assert_eq!(here.count(counter).await, U256::from(1));
        assert_eq!(here.view(sender, Account::ownerCall {}).await, address(ALICE));
    })
    .await;
}

/// Tells a story on every rollup, each with another one behind a proxy.
async fn on_every_rollup(story: impl AsyncFn(Here<'_>)) {
    let world = World::start().await;
    let ids: Vec<u64> = world.realm.rollups().iter().map(|rollup| rollup.chain_id()).collect();
    for (index, &id) in ids.iter().enumerate() {
        story(Here { world: &world, id, other: ids[(index + 1) % ids.len()] }).await;
    }
    world.node.stop().await.unwrap();
}

/// Returns Alice's permit for Bob, signed for the rollup `on`.
fn permit(on: u64, token: Address, nonce: u64) -> Permit2::permitTransferFromCall {
    let permitted = typed::TokenPermissions { token, amount: ETHER };
    let nonce = U256::from(nonce);
    let message =
        typed::PermitTransferFrom { permitted, spender: address(BOB), nonce, deadline: U256::MAX };
    let domain = eip712_domain! { name: "Permit2", chain_id: on, verifying_contract: PERMIT2, };
    Permit2::permitTransferFromCall {
        permit: Permit2::Permit {
            permitted: Permit2::Permitted { token, amount: ETHER },
            nonce,
            deadline: U256::MAX,
        },
        details: Permit2::Details { to: address(DAVE), amount: ETHER / U256::from(4) },
        owner: address(ALICE),
        signature: sign(ALICE, &message, &domain),
    }
}

/// Returns a user operation that is not signed yet.
fn operation(
    sender: Address,
    nonce: u64,
    init_code: Bytes,
    call: &Account::executeCall,
) -> typed::PackedUserOperation {
    typed::PackedUserOperation {
        sender,
        nonce: U256::from(nonce),
        initCode: init_code,
        callData: call.abi_encode().into(),
        accountGasLimits: pair(1_500_000, 1_500_000),
        preVerificationGas: U256::from(100_000),
        gasFees: pair(1_000_000_000, 10_000_000_000),
        paymasterAndData: Bytes::new(),
    }
}

/// Signs a user operation for the rollup `on`, as version 0.8 of the entry point wants it.
fn handle(
    operation: &typed::PackedUserOperation,
    entry: Address,
    on: u64,
) -> EntryPoint::handleOpsCall {
    let domain = eip712_domain! {
        name: "ERC4337", version: "1", chain_id: on, verifying_contract: entry,
    };
    let signed = EntryPoint::Operation {
        sender: operation.sender,
        nonce: operation.nonce,
        initCode: operation.initCode.clone(),
        callData: operation.callData.clone(),
        accountGasLimits: operation.accountGasLimits,
        preVerificationGas: operation.preVerificationGas,
        gasFees: operation.gasFees,
        paymasterAndData: operation.paymasterAndData.clone(),
        signature: sign(ALICE, operation, &domain),
    };
    EntryPoint::handleOpsCall { ops: vec![signed], beneficiary: address(BUNDLER) }
}

fn pair(high: u128, low: u128) -> B256 {
    B256::from((U256::from(high) << 128) | U256::from(low))
}

fn sign(account: usize, message: &impl SolStruct, domain: &Eip712Domain) -> Bytes {
    let hash = message.eip712_signing_hash(domain);
    signer(account).sign_hash_sync(&hash).unwrap().as_bytes().into()
}

fn events<E: SolEvent>(receipt: &TransactionReceipt) -> Vec<E> {
    let logs = receipt.inner.logs().iter();
    logs.filter_map(|log| E::decode_log(&log.inner).ok()).map(|log| log.data).collect()
}

impl Here<'_> {
    fn rollup(&self) -> &weft_client::Rollup {
        self.world.realm.rollup(self.id).unwrap()
    }

    async fn view<C: SolCall>(&self, to: Address, call: C) -> C::Return {
        self.world.view(self.id, to, call).await
    }

    async fn balance(&self, of: Address) -> U256 {
        self.rollup().balance(of).await.unwrap()
    }

    /// Creates a published contract.
    async fn deploy(&self, path: &str, arguments: &[u8]) -> Address {
        let code: Bytes = [&creation(path)[..], arguments].concat().into();
        let request = TransactionRequest::default().input(code.into());
        self.done(DEPLOYER, request).await.contract_address.unwrap()
    }

    async fn pay(&self, from: usize, to: Address, value: U256) {
        self.done(from, TransactionRequest::default().to(to).value(value)).await;
    }

    async fn send(
        &self,
        from: usize,
        to: Address,
        call: &impl SolCall,
        value: U256,
    ) -> TransactionReceipt {
        self.done(from, request(to, call).value(value)).await
    }

    async fn done(&self, from: usize, request: TransactionRequest) -> TransactionReceipt {
        let receipt = self.rollup().send_sync(&signer(from), request).await.unwrap();
        assert!(receipt.status(), "{receipt:?}");
        receipt
    }

    /// Returns the error with which a call reverts, when it is of this type.
    async fn revert_of<E: SolError>(
        &self,
        from: usize,
        to: Address,
        call: &impl SolCall,
    ) -> Option<E> {
        let asked = self.rollup().provider().call(request(to, call).from(address(from))).pending();
        let error = asked.await.expect_err("the call reverts");
        E::abi_decode(&error.as_error_resp().unwrap().as_revert_data().unwrap()).ok()
    }

    async fn reverts_with<E: SolError>(
        &self,
        from: usize,
        to: Address,
        call: &impl SolCall,
    ) -> bool {
        self.revert_of::<E>(from, to, call).await.is_some()
    }

    /// Creates a Safe of two out of these owners, through a factory of its own.
    async fn new_safe(&self, owners: &[usize]) -> Address {
        const FOLDER: &str = "@safe-global/safe-smart-account/build/artifacts/contracts";
        let singleton = self.deploy(&format!("{FOLDER}/Safe.sol/Safe.json"), &[]).await;
        let path = format!("{FOLDER}/proxies/SafeProxyFactory.sol/SafeProxyFactory.json");
        let factory = self.deploy(&path, &[]).await;
        let owners: Vec<Address> = owners.iter().map(|owner| address(*owner)).collect();
        let setup = Safe::setupCall::new((
            owners.clone(),
            U256::from(2),
            Address::ZERO,
            Bytes::new(),
            Address::ZERO,
            Address::ZERO,
            U256::ZERO,
            Address::ZERO,
        ));
        let create = SafeFactory::createProxyWithNonceCall {
            singleton,
            initializer: setup.abi_encode().into(),
            saltNonce: U256::from(1),
        };
        let receipt = self.send(DEPLOYER, factory, &create, U256::ZERO).await;
        let [created] = &events::<SafeFactory::ProxyCreation>(&receipt)[..] else { panic!() };
        assert_eq!(self.view(created.proxy, Safe::getOwnersCall {}).await, owners);
        created.proxy
    }

    /// Sends what owners of a Safe signed for the rollup `on`.
    async fn execute(
        &self,
        safe: Address,
        mut call: Safe::execTransactionCall,
        signers: &[usize],
        on: u64,
    ) -> TransactionReceipt {
        let nonce = self.view(safe, Safe::nonceCall {}).await;
        let domain = eip712_domain! { chain_id: on, verifying_contract: safe, };
        let mut signers = signers.to_vec();
        signers.sort_by_key(|signer| address(*signer));
        let message = typed::SafeTx::of(&call, nonce);
        let signatures: Vec<Bytes> =
            signers.iter().map(|signer| sign(*signer, &message, &domain)).collect();
        call.signatures = signatures.concat().into();
        let sent = request(safe, &call).gas_limit(3_000_000);
        self.rollup().send_sync(&signer(DAVE), sent).await.unwrap()
    }

    /// Creates a counter on the other rollup, and its proxy here.
    async fn counter_elsewhere(&self) -> (Address, Address) {
        let counter = self.world.counter(self.other, DEPLOYER).await;
        let realm = &self.world.realm;
        let proxy = realm.create_proxy(self.id, counter, self.other, &signer(DEPLOYER)).await;
        (counter, proxy.unwrap())
    }

    async fn count(&self, counter: Address) -> U256 {
        self.world.view(self.other, counter, Counter::getCall {}).await
    }
}

fn request(to: Address, call: &impl SolCall) -> TransactionRequest {
    let input: Bytes = call.abi_encode().into();
    TransactionRequest::default().to(to).input(input.into())
}
