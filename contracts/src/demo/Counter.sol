// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Counter that can count through the proxies of other counters
contract Counter {
    /// @notice The count became `value`; `caller` asked for it.
    event Incremented(address indexed caller, uint256 value);

    /// @notice The count was `value` when it was asked to fail.
    error Refused(uint256 value);

    uint256 private count;

    /// @notice Returns the last answer of another counter.
    uint256 public lastRemote;

    /// @notice Adds one and returns the new count.
    function increment() public returns (uint256 value) {
        value = ++count;
        emit Incremented(msg.sender, value);
    }

    /// @notice Adds one and reverts.
    function incrementAndRevert() external {
        revert Refused(increment());
    }

    /// @notice Adds one at the counter behind `proxy` and one here; returns the count there.
    function incrementVia(Counter proxy) public returns (uint256 remote) {
        remote = proxy.increment();
        lastRemote = remote;
        increment();
    }

    /// @notice Like `incrementVia`, and returns whether the other counter answered; one is added here in any case.
    function tryIncrementVia(Counter proxy) external returns (bool ok, bytes memory data) {
        (ok, data) = address(proxy).call(abi.encodeCall(this.increment, ()));
        increment();
    }

    /// @notice Makes the counter behind `proxy` add one and revert, and goes on; returns its revert data.
    function catchRevertVia(Counter proxy) external returns (bytes memory reason) {
        try proxy.incrementAndRevert() {}
        catch (bytes memory data) {
            reason = data;
        }
        increment();
    }

    /// @notice Calls `incrementVia` on itself in a scope that is then undone, and goes on.
    function undoVia(Counter proxy) external returns (bytes memory reason) {
        try this.incrementViaAndRevert(proxy) {}
        catch (bytes memory data) {
            reason = data;
        }
        increment();
    }

    /// @notice Like `incrementVia`, and then reverts with the count of the other counter.
    function incrementViaAndRevert(Counter proxy) external {
        revert Refused(incrementVia(proxy));
    }

    /// @notice Adds one here and goes on along `proxies`, each a proxy on the network before it.
    /// @return values new counts from here to the last
    function incrementAlong(Counter[] calldata proxies) external returns (uint256[] memory values) {
        values = new uint256[](proxies.length + 1);
        values[0] = increment();
        if (proxies.length == 0) return values;
        uint256[] memory rest = proxies[0].incrementAlong(proxies[1:]);
        for (uint256 i = 0; i < rest.length; i++) {
            values[i + 1] = rest[i];
        }
    }

    /// @notice Returns the count.
    function get() external view returns (uint256) {
        return count;
    }

    /// @notice Returns the count behind `proxy`, by a static call.
    function getVia(Counter proxy) external view returns (uint256) {
        return proxy.get();
    }
}
