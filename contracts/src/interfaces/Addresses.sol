// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

// Address that the executor intercepts; it never has code (P21).
address constant RESERVED = 0x5745465400000000000000000000000000000000;

// Address of the `Manager` predeploy.
address constant MANAGER = 0x5745465400000000000000000000000000000001;

// Address of the `Bridge` predeploy.
address constant BRIDGE = 0x5745465400000000000000000000000000000002;

// Address of the `DeadRegistry` predeploy.
address constant DEAD_REGISTRY = 0x5745465400000000000000000000000000000003;

// Sender of system transactions and system calls; nobody holds a key for it (P29).
address constant SYSTEM_SENDER = 0x57454654000000000000000000000000000000Ff;
