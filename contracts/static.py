# Static analysis of src/ with slither: every detector that it has, over what the pinned solc-js makes of the sources.
# `./slither.sh` runs it with the pinned slither. What is found must be what slither.json lists, each with its reason: exits 1
# on a finding that is not there, and on one that is there and no longer found. `--list` prints the places as slither.json has them.
import collections
import inspect
import json
import os
import subprocess
import sys
import tempfile

from crytic_compile import CryticCompile
from crytic_compile.compilation_unit import CompilationUnit
from crytic_compile.compiler.compiler import CompilerVersion
from crytic_compile.platform.solc_standard_json import SolcStandardJson, parse_standard_json_output
from slither import Slither
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector

# Stand-ins for tests are never deployed, do on purpose what detectors look for, and one, an interpreter in assembly, is more than
# slither reads.
LEFT_OUT = "src/test"

here = os.path.dirname(os.path.abspath(__file__))


def sources():
    found = {}
    for folder, _, names in os.walk(os.path.join(here, "src")):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), here)
            if name.endswith(".sol") and not path.startswith(LEFT_OUT):
                with open(os.path.join(here, path), encoding="utf-8") as file:
                    found[path] = file.read()
    return dict(sorted(found.items()))


def compiled(files):
    """The syntax trees: that is all slither reads, so no code is made, which would take a minute and the IR pipeline."""
    settings = {"evmVersion": "prague", "outputSelection": {"*": {"": ["ast"], "*": ["abi", "devdoc", "userdoc"]}}}
    contents = {path: {"content": text} for path, text in files.items()}
    task = json.dumps({"language": "Solidity", "sources": contents, "settings": settings})
    solc = os.path.join(here, "solcjs")
    output = json.loads(subprocess.run(["node", solc], input=task, capture_output=True, text=True, check=True).stdout)
    errors = [error["formattedMessage"] for error in output.get("errors", []) if error["severity"] == "error"]
    if errors:
        sys.exit("\n".join(errors))
    for contracts in output["contracts"].values():
        for contract in contracts.values():
            none = {"object": "", "sourceMap": ""}
            contract["evm"] = {"bytecode": none, "deployedBytecode": none}
    return output


class Compiled(SolcStandardJson):
    """Takes what is compiled; crytic-compile would call a native solc, and ask it for code."""

    def __init__(self, output):
        super().__init__({"language": "Solidity", "sources": {}, "settings": {}})
        self.output = output

    def compile(self, crytic_compile, **_):
        unit = CompilationUnit(crytic_compile, "standard_json")
        with open(os.path.join(here, "package.json"), encoding="utf-8") as file:
            version = json.load(file)["devDependencies"]["solc"]
        unit.compiler_version = CompilerVersion(compiler="solc", version=version, optimized=True)
        parse_standard_json_output(self.output, unit)


def place(result):
    """Contract and function or variable, without lines, so that what stands above may change."""
    element = result["elements"][0]
    names = [element["name"]]
    while parent := element.get("type_specific_fields", {}).get("parent"):
        element = parent
        if element["type"] in ("contract", "function"):
            names.append(element["name"])
    return ".".join(reversed(names))


def analysed(files):
    # The paths of the sources are relative, and foundry.toml beside them would be taken for the way to compile.
    with tempfile.TemporaryDirectory() as work:
        for path, text in files.items():
            os.makedirs(os.path.join(work, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(work, path), "w", encoding="utf-8") as file:
                file.write(text)
        os.chdir(work)
        slither = Slither(CryticCompile(Compiled(compiled(files))))
        for _, detector in inspect.getmembers(all_detectors, inspect.isclass):
            if issubclass(detector, AbstractDetector) and detector is not AbstractDetector:
                slither.register_detector(detector)
        results = [result for results in slither.run_detectors() for result in results]
        os.chdir(here)
    return results


def main():
    found = collections.defaultdict(list)
    for result in analysed(sources()):
        found[(result["check"], place(result))].append(result)
    if "--list" in sys.argv:
        listed = collections.defaultdict(dict)
        for (check, where), results in sorted(found.items()):
            listed[check][where] = len(results)
        print(json.dumps(listed, indent=2))
        return 0
    with open(os.path.join(here, "slither.json"), encoding="utf-8") as file:
        known = json.load(file)
    wrong = 0
    for (check, where), results in sorted(found.items()):
        entry = known.get(check, {"where": {}})
        most = len(results) if entry["where"] == "anywhere" else entry["where"].get(where, 0)
        if len(results) > most:
            wrong += 1
            for result in results:
                print(f"new: {result['impact']} {check} {where}: {result['description'].strip()}")
    for check, entry in known.items():
        where = entry["where"] if entry["where"] != "anywhere" else {}
        for name, count in where.items():
            if len(found.get((check, name), [])) < count:
                wrong += 1
                print(f"no longer found: {check} {name}; take it out of slither.json")
    explained = sum(len(results) for results in found.values())
    print(f"{explained} findings of {len({check for check, _ in found})} detectors, {wrong} places differ from slither.json")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
