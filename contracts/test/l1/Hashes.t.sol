// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader, IHub, Outcome, Statement, Transfer, Transition} from "../../src/l1/interfaces/IHub.sol";
import {Realm} from "../../src/l1/lib/Realm.sol";
import {RollupTree} from "../../src/l1/lib/RollupTree.sol";
import {L1Fixture} from "../support/L1Fixture.sol";
import {vm} from "../support/Vm.sol";

/// The hub's hashes against `vectors/settlement/hashes.json`, which the Rust crate wrote.
contract HashesTest is L1Fixture {
    using RollupTree for RollupTree.Nodes;

    address private constant HUB = address(uint160(0x005e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e));

    RollupTree.Nodes private nodes;
    string private json;
    IHub private here;

    function setUp() public override {
        super.setUp();
        vm.chainId(1);
        vm.etch(HUB, address(hub).code);
        here = IHub(HUB);
        json = vm.readFile("../vectors/settlement/hashes.json");
    }

    function test_p40_batchesHashAsInRust() public view {
        BatchHeader memory header = BatchHeader(3, _word(1), 61, 120, 5, 1000, _word(2), 11, _word(3), _word(4));
        bytes32[] memory blobs = new bytes32[](2);
        (blobs[0], blobs[1]) = (_word(5), _word(6));
        bytes32 digest = here.batchDigest(header, blobs);
        assertEq(digest, _vector("batchDigest"));
        assertEq(here.genesisHash(), _vector("genesisHash"));
        bytes memory body = abi.encodePacked(digest, _word(7), bytes28(_word(8)));
        assertEq(Realm.hash(Realm.BATCH, HUB, REALM, body), _vector("batchHash"));
    }

    function test_p44_statementsHashAsInRust() public view {
        Statement memory statement;
        assertEq(here.statementDigest(statement), _vector("emptyStatementDigest"));
        (statement.firstBatch, statement.lastBatch) = (2, 3);
        (statement.batchHash, statement.programId) = (_word(1), _word(9));
        statement.transitions = new Transition[](2);
        for (uint8 i = 0; i < 2; i++) {
            statement.transitions[i] = Transition(i + 1, _word(60 + i), _word(70 + i), _word(80 + i), _outcome(i));
        }
        statement.transfers = new Transfer[](2);
        statement.transfers[0] = Transfer(901, 902, 0, address(0), 1 ether);
        statement.transfers[1] = Transfer(902, 901, 901, address(uint160(uint256(_word(90)))), 7);
        assertEq(here.statementDigest(statement), _vector("statementDigest"));
        assertEq(keccak256(abi.encode(_outcome(0))), _vector("outcomeCommitment"));
    }

    function test_p44_statementsOfDerivedBatchesHashAsInRust() public view {
        string memory file = vm.readFile("../vectors/settlement/statements.json");
        for (uint256 i = 0; i < 2; i++) {
            string memory item = i == 0 ? ".statements[0]" : ".statements[1]";
            bytes memory encoded = vm.parseJsonBytes(file, string.concat(item, ".encoded"));
            Statement memory statement = abi.decode(encoded, (Statement));
            assertEq(statement.lastBatch, i + 1);
            bytes32 digest = vm.parseJsonBytes32(file, string.concat(item, ".digest"));
            assertEq(here.statementDigest(statement), digest);
        }
    }

    function test_p46_entriesAccumulateAsInRust() public view {
        bytes memory body = abi.encodePacked(bytes28(_word(8)), uint64(7), uint32(1234), _word(9));
        bytes28 next = bytes28(Realm.hash(Realm.INBOX_ENTRY, HUB, REALM, body));
        assertTrue(next == bytes28(bytes32(vm.parseJsonBytes(json, ".accumulator"))));
    }

    function test_p42_exitRootsOfRollupsAreUnderOneRoot() public {
        bytes32[] memory roots = new bytes32[](11);
        for (uint8 i = 1; i <= 11; i++) {
            roots[i - 1] = _word(100 + i);
        }
        assertEq(this.update(roots), _vector("rollupExitRoot"));
    }

    function update(bytes32[] calldata roots) external returns (bytes32) {
        return nodes.update(uint128((1 << roots.length) - 1), roots, roots.length);
    }

    function _outcome(uint8 i) private pure returns (Outcome memory) {
        return Outcome(_word(10 + i), _word(20 + i), 100 + i, _word(30 + i), _word(40 + i), _word(50 + i));
    }

    function _word(uint8 n) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(n));
    }

    function _vector(string memory name) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(".", name));
    }
}
