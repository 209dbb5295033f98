// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TokenMetadata} from "../src/lib/TokenMetadata.sol";
import {TestToken} from "../src/test/TestToken.sol";
import {Fixture} from "./support/Fixture.sol";
import {FeeToken, HookToken, LyingToken, newToken} from "./support/Tokens.sol";

contract TokenMetadataTest is Fixture {
    function test_text_ofAnOrdinaryToken() public {
        address token = address(newToken("A name of more than thirty-two characters", "T", 6));
        assertEq(bytes(TokenMetadata.text(token, "name()")), "A name of more than thirty-two characters");
        assertEq(TokenMetadata.decimals(token), 6);
    }

    function test_text_of32Bytes() public {
        assertEq(bytes(TokenMetadata.text(address(new FeeToken()), "symbol()")), "FEE");
    }

    function test_text_absent_isEmpty() public {
        address[2] memory tokens = [address(new HookToken()), alice];
        for (uint256 i = 0; i < tokens.length; i++) {
            assertEq(bytes(TokenMetadata.text(tokens[i], "name()")), "");
            assertEq(TokenMetadata.decimals(tokens[i]), 18);
        }
    }

    /// Whatever a token answers, reading it does not revert.
    function testFuzz_anyAnswer_doesNotRevert(bytes calldata result) public {
        address token = address(new LyingToken(result));
        TokenMetadata.text(token, "name()");
        TokenMetadata.decimals(token);
    }

    function test_text_malformed_isEmpty() public {
        bytes[4] memory results = [
            abi.encode(uint256(32), uint256(1000)),
            abi.encode(uint256(64), uint256(1), "x"),
            abi.encode(type(uint256).max, type(uint256).max),
            abi.encode(uint256(32), type(uint256).max, bytes32("x"))
        ];
        for (uint256 i = 0; i < results.length; i++) {
            assertEq(bytes(TokenMetadata.text(address(new LyingToken(results[i])), "name()")), "");
        }
        assertEq(TokenMetadata.decimals(address(new LyingToken(results[2]))), 18);
    }
}
