// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Runs a script given as calldata, so that random call trees are data
/// @notice For the simulator and for tests; it holds nothing of worth and serves everybody. Empty calldata only brings
/// ether. A script is a row of operations; each result is folded into an accumulator, so that whatever a call saw
/// shows in storage, logs, return and revert data. Zero ends a script, as does the end of the calldata.
/// @dev Operations, with operands in bytes; `acc` is the accumulator, `mix(x)` is acc = keccak(acc, x):
///   00 end: return acc                          01 sstore key(1): slot key = acc
///   02 mix sload key(1)                         03 tstore key(1): slot key = acc
///   04 mix tload key(1)                         05 log acc, with a topic(1)
///   06 call kind(1) address(20) value(12) gas(4) length(3) script
///   07 tryCall flags(1) network(8) address(20) value(12) gas(4) length(3) script
///   08 revert acc                               09 invalid opcode
///   0a create flags(1) salt(4) value(12) length(3) init code: the child is `last` from here on
///   0b selfdestruct to address(20)              0c mix balance of address(20)
///   0d mix extcodesize of address(20)           0e mix own balance
///   0f mix environment what(1)                  10 send value(12) flags(1) to the caller
///   11 return length(3) bytes of memory         12 mix gas left
///   13 raw call of address(20) with length(3) data, the result mixed, nothing bubbled
/// Kind: low two bits 0 call, 1 static call, 2 delegate call; 4 bubbles a failure. Gas 0 is all. Address 0 is `last` in
/// a call and the caller elsewhere. Flags of tryCall: 1 static, 2 mixes the exact status instead of success, 4 calls
/// the address itself on this chain (for a run in which all chains are one). Flag 1 of create: CREATE2; flag 1 of
/// send: with no gas but the stipend.
contract Program {
    fallback() external payable {
        assembly {
            function mix(acc, x) -> out {
                mstore(0, acc)
                mstore(32, x)
                out := keccak256(0, 64)
            }
            // Copies the return data behind what the script uses and mixes its hash.
            function mixReturn(acc, ok) -> out {
                returndatacopy(64, 0, returndatasize())
                let hash := keccak256(64, returndatasize())
                out := mix(mix(acc, ok), hash)
            }
            function word(at, size) -> out {
                out := shr(sub(256, shl(3, size)), calldataload(at))
            }
            function orCaller(account) -> out {
                out := account
                if iszero(account) { out := caller() }
            }
            if iszero(calldatasize()) { stop() }
            let acc := callvalue()
            let last := 0
            let at := 0
            for {} 1 {} {
                let op := word(at, 1)
                at := add(at, 1)
                switch op
                case 0x00 {
                    mstore(0, acc)
                    return(0, 32)
                }
                case 0x01 {
                    sstore(word(at, 1), acc)
                    at := add(at, 1)
                }
                case 0x02 {
                    acc := mix(acc, sload(word(at, 1)))
                    at := add(at, 1)
                }
                case 0x03 {
                    tstore(word(at, 1), acc)
                    at := add(at, 1)
                }
                case 0x04 {
                    acc := mix(acc, tload(word(at, 1)))
                    at := add(at, 1)
                }
                case 0x05 {
                    mstore(0, acc)
                    log1(0, 32, word(at, 1))
                    at := add(at, 1)
                }
                case 0x06 {
                    let kind := word(at, 1)
                    let target := word(add(at, 1), 20)
                    let value := word(add(at, 21), 12)
                    let units := word(add(at, 33), 4)
                    let size := word(add(at, 37), 3)
                    at := add(at, 40)
                    if iszero(target) { target := last }
                    if iszero(units) { units := gas() }
                    calldatacopy(64, at, size)
                    at := add(at, size)
                    let ok
                    switch and(kind, 3)
                    case 0 { ok := call(units, target, value, 64, size, 0, 0) }
                    case 1 { ok := staticcall(units, target, 64, size, 0, 0) }
                    default { ok := delegatecall(units, target, 64, size, 0, 0) }
                    if and(iszero(ok), shr(2, kind)) {
                        returndatacopy(0, 0, returndatasize())
                        revert(0, returndatasize())
                    }
                    acc := mixReturn(acc, ok)
                }
                case 0x07 {
                    let flags := word(at, 1)
                    let network := word(add(at, 1), 8)
                    let target := word(add(at, 9), 20)
                    let value := word(add(at, 29), 12)
                    let units := word(add(at, 41), 4)
                    let size := word(add(at, 45), 3)
                    at := add(at, 48)
                    switch and(flags, 4)
                    case 0 {
                        // tryCall(uint64,address,bytes), tryCall(uint64,address,uint256,bytes) and
                        // tryStaticCall(uint64,address,bytes) of the manager.
                        let selector := 0x5eac8749
                        let head := 96
                        if units {
                            selector := 0x22b7ace1
                            head := 128
                        }
                        if and(flags, 1) {
                            selector := 0x4b3de2d5
                            head := 96
                        }
                        mstore(64, shl(224, selector))
                        mstore(68, network)
                        mstore(100, target)
                        if eq(head, 128) { mstore(132, units) }
                        mstore(add(36, head), head)
                        mstore(add(68, head), size)
                        calldatacopy(add(100, head), at, size)
                        let length := add(add(36, head), and(add(size, 31), 0xffffe0))
                        let manager := 0x5745465400000000000000000000000000000001
                        let ok
                        switch and(flags, 1)
                        case 0 { ok := call(gas(), manager, value, 64, length, 0, 0) }
                        default { ok := staticcall(gas(), manager, 64, length, 0, 0) }
                        switch ok
                        case 0 { acc := mixReturn(acc, 0) }
                        default {
                            returndatacopy(64, 0, returndatasize())
                            let status := mload(64)
                            if iszero(and(flags, 2)) { status := iszero(status) }
                            acc := mix(mix(acc, status), keccak256(160, mload(128)))
                        }
                    }
                    default {
                        if iszero(units) { units := gas() }
                        calldatacopy(64, at, size)
                        let ok
                        switch and(flags, 1)
                        case 0 { ok := call(units, target, value, 64, size, 0, 0) }
                        default { ok := staticcall(units, target, 64, size, 0, 0) }
                        acc := mixReturn(acc, ok)
                    }
                    at := add(at, size)
                }
                case 0x08 {
                    mstore(0, acc)
                    revert(0, 32)
                }
                case 0x09 { invalid() }
                case 0x0a {
                    let value := word(add(at, 5), 12)
                    let size := word(add(at, 17), 3)
                    calldatacopy(64, add(at, 20), size)
                    switch word(at, 1)
                    case 0 { last := create(value, 64, size) }
                    default { last := create2(value, 64, size, word(add(at, 1), 4)) }
                    at := add(add(at, 20), size)
                    acc := mixReturn(acc, iszero(last))
                }
                case 0x0b { selfdestruct(orCaller(word(at, 20))) }
                case 0x0c {
                    acc := mix(acc, balance(orCaller(word(at, 20))))
                    at := add(at, 20)
                }
                case 0x0d {
                    acc := mix(acc, extcodesize(orCaller(word(at, 20))))
                    at := add(at, 20)
                }
                case 0x0e { acc := mix(acc, selfbalance()) }
                case 0x0f {
                    let x
                    switch word(at, 1)
                    case 0 { x := caller() }
                    case 1 { x := origin() }
                    case 2 { x := chainid() }
                    case 3 { x := number() }
                    case 4 { x := gasprice() }
                    case 5 { x := basefee() }
                    case 6 { x := prevrandao() }
                    case 7 { x := blockhash(sub(number(), 1)) }
                    case 8 { x := timestamp() }
                    default { x := coinbase() }
                    acc := mix(acc, x)
                    at := add(at, 1)
                }
                case 0x10 {
                    let units := gas()
                    if word(add(at, 12), 1) { units := 0 }
                    acc := mixReturn(acc, call(units, caller(), word(at, 12), 0, 0, 0, 0))
                    at := add(at, 13)
                }
                case 0x11 {
                    // Zeros behind the accumulator, whatever calls left in memory.
                    calldatacopy(0, calldatasize(), word(at, 3))
                    mstore(0, acc)
                    return(0, word(at, 3))
                }
                case 0x12 { acc := mix(acc, gas()) }
                case 0x13 {
                    let size := word(add(at, 20), 3)
                    calldatacopy(64, add(at, 23), size)
                    acc := mixReturn(acc, call(gas(), word(at, 20), 0, 64, size, 0, 0))
                    at := add(add(at, 23), size)
                }
                default { invalid() }
            }
        }
    }
}
