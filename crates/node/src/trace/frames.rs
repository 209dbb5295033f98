//! The frames of a leg as one rollup's transaction sees them.

use super::recorder::LegTrace;
use alloy_primitives::Bytes;
use revm::bytecode::opcode::OpCode;
use revm::interpreter::InstructionResult;
use revm_inspectors::tracing::types::{CallKind, CallTrace, CallTraceNode, CallTraceStep};
use weft_types::{MANAGER, NetworkId, SYSTEM_SENDER};

/// Program counter of the steps that stand where a frame without recorded opcodes called.
pub(super) const BRIDGE_PC: usize = u32::MAX as usize;

/// Frames with the rollup of each.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) nodes: Vec<CallTraceNode>,
    pub(crate) networks: Vec<NetworkId>,
}

impl View {
    /// Returns the tree of the leg's own transaction.
    pub(crate) fn own(leg: &LegTrace) -> Self {
        let mut view = Self { nodes: leg.nodes.clone(), networks: leg.networks.clone() };
        view.settle();
        view
    }

    /// Returns the tree of what a leg did on a rollup that is not its own (P29): below the system transaction, every
    /// frame that came in from elsewhere.
    pub(crate) fn inbound(leg: &LegTrace, network: NetworkId, input: Bytes, gas: u64) -> Self {
        let mut view = Self { nodes: vec![system_root(input, gas)], networks: vec![network] };
        let mut places = vec![None; leg.nodes.len()];
        for (index, node) in leg.nodes.iter().enumerate() {
            let here = leg.networks[index] == network;
            let parent = match node.parent.and_then(|parent| places[parent]) {
                Some(parent) => parent,
                None if here => 0,
                None => continue,
            };
            places[index] = Some(view.push(parent, node.clone(), leg.networks[index]));
        }
        view.settle();
        view
    }

    fn push(&mut self, parent: usize, node: CallTraceNode, network: NetworkId) -> usize {
        let index = self.nodes.len();
        self.nodes[parent].children.push(index);
        // Who calls the manager's system transaction is known; what it calls are the frames themselves.
        let children = Vec::new();
        self.nodes.push(CallTraceNode { parent: Some(parent), children, idx: index, ..node });
        self.networks.push(network);
        index
    }

    /// Gives frames the depth of the joint stack: each rollup by itself counts its own frames only.
    fn settle(&mut self) {
        for index in 1..self.nodes.len() {
            let parent = self.nodes[index].parent.unwrap_or_default();
            self.nodes[index].trace.depth = self.nodes[parent].trace.depth + 1;
        }
    }

    /// Lets a walk over opcodes pass through frames whose opcodes are not recorded, because they ran elsewhere.
    pub(super) fn bridge(&mut self) {
        for node in &mut self.nodes {
            if node.trace.steps.is_empty() && !node.children.is_empty() {
                node.trace.steps = node.children.iter().map(|_| bridge_step()).collect();
            }
        }
    }
}

fn system_root(input: Bytes, gas: u64) -> CallTraceNode {
    let trace = CallTrace {
        success: true,
        caller: SYSTEM_SENDER,
        address: MANAGER,
        kind: CallKind::Call,
        data: input,
        gas_limit: gas,
        gas_used: gas,
        status: Some(InstructionResult::Stop),
        ..CallTrace::default()
    };
    CallTraceNode { trace, ..CallTraceNode::default() }
}

fn bridge_step() -> CallTraceStep {
    CallTraceStep {
        pc: BRIDGE_PC,
        op: OpCode::CALL,
        stack: None,
        push_stack: None,
        memory: None,
        returndata: Bytes::new(),
        gas_remaining: 0,
        gas_refund_counter: 0,
        gas_used: 0,
        gas_cost: 0,
        state_gas_cost: None,
        state_gas_reservoir: None,
        state_gas_spent: 0,
        storage_change: None,
        status: None,
        immediate_bytes: None,
        decoded: None,
    }
}
