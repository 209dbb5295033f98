//! The same expectations of every backend, through what any client uses.

mod blobs;
mod chain;
mod reorg;
mod support;

use support::backends;

/// Makes one test for each backend out of an expectation.
macro_rules! every_backend {
    ($($module:ident::$test:ident),* $(,)?) => {
        mod anvil {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { super::$module::$test(super::backends::anvil()).await; })*
        }

        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { super::$module::$test(super::backends::embedded()).await; })*
        }
    };
}

every_backend!(
    chain::accounts_have_ether_and_transfers_are_mined,
    chain::contracts_are_deployed_and_their_logs_are_found,
    chain::heads_are_told_over_websocket,
    chain::a_transaction_is_mined_at_once_when_it_is_eager,
    chain::a_taken_port_is_refused,
    chain::it_ends_when_it_is_stopped,
    chain::it_ends_when_it_is_dropped,
    blobs::blobs_of_a_mined_transaction_are_kept,
    blobs::an_unknown_transaction_has_no_blobs,
    reorg::the_last_block_is_replaced,
    reorg::seven_blocks_are_replaced,
    reorg::sixty_four_blocks_are_replaced,
    reorg::deeper_ones_are_refused,
);

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    chain::a_program_that_is_not_there_is_named().await;
}
