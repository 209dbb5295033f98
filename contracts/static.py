# Static analysis of src/ with slither and the pinned solc-js: `pip install slither-analyzer`, then `python3 static.py`.
# Prints what is found of high and medium impact, and exits 1 if a detector found more than is known of it below. It needs
# `npm ci` here, as test.sh does.
import inspect
import json
import os
import shutil
import sys
import tempfile

from crytic_compile import CryticCompile
from crytic_compile.platform.solc_standard_json import SolcStandardJson
from slither import Slither
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector, DetectorClassification

# Detectors that found only what is meant: how often (None: it finds much and nothing), and the reason.
KNOWN = {
    "arbitrary-send-eth": (6, "claims, compensations and bonds are paid to whom a proof names"),
    "incorrect-exp": (3, "`index ^ 1` is the sibling of a node"),
    "weak-prng": (3, "`% RING` is a place in a ring, no chance"),
    "uninitialized-state": (1, "the predeploy's network is in its genesis storage"),
    "divide-before-multiply": (2, "places in lists of fixed size"),
    "incorrect-equality": (None, "zero stands for nothing"),
    "reentrancy-no-eth": (1, "`locking` is the lock"),
    "uninitialized-local": (None, "a struct begins with zeros"),
    "write-after-write": (1, "a local variable is used again"),
    "unused-return": (None, "readers are called to go on"),
}
SHOWN = (DetectorClassification.HIGH, DetectorClassification.MEDIUM)

here = os.path.dirname(os.path.abspath(__file__))


def standard_json():
    """The sources without tests and demonstrations, as the compiler takes them."""
    sources = {}
    for folder, _, names in os.walk(os.path.join(here, "src")):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), here)
            if name.endswith(".sol") and not path.startswith(("src/test", "src/demo")):
                with open(os.path.join(here, path), encoding="utf-8") as file:
                    sources[path] = {"content": file.read()}
    kinds = ["abi", "metadata", "devdoc", "userdoc", "evm.bytecode", "evm.deployedBytecode"]
    settings = {
        "evmVersion": "prague",
        "optimizer": {"enabled": True, "runs": 200},
        "outputSelection": {"*": {"*": kinds, "": ["ast"]}},
    }
    return {"language": "Solidity", "sources": sources, "settings": settings}


def main():
    # Away from foundry.toml, which would be taken for the way to compile.
    with tempfile.TemporaryDirectory() as work:
        shutil.copytree(os.path.join(here, "src"), os.path.join(work, "src"))
        os.chdir(work)
        solc = os.path.join(here, "solcjs")
        platform = SolcStandardJson(standard_json())
        slither = Slither(CryticCompile(platform, solc=solc, working_dir=work))
        for _, detector in inspect.getmembers(all_detectors, inspect.isclass):
            if issubclass(detector, AbstractDetector) and getattr(detector, "IMPACT", None) in SHOWN:
                slither.register_detector(detector)
        found = [result for results in slither.run_detectors() for result in results]
    new, seen = 0, {}
    for result in sorted(found, key=lambda result: (result["impact"], result["check"], result["description"])):
        check = result["check"]
        seen[check] = seen.get(check, 0) + 1
        most = KNOWN.get(check, (0, ""))[0]
        is_new = most is not None and seen[check] > most
        new += is_new
        mark = "NEW  " if is_new else "known"
        print(mark, result["impact"], check, result["description"].split("\n")[0])
    print(json.dumps({"found": len(found), "new": new}))
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
