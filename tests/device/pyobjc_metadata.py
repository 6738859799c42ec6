"""What pyobjc and the macOS SDK say of every selector and constant that the worker uses.

Records ``fixtures/device/selectors.json``:

    python tests/device/pyobjc_metadata.py COREML COCOA COREML_FWINFO FOUNDATION_FWINFO

COREML and COCOA are the wheels of pyobjc-framework-CoreML and -Cocoa for macOS; their
``_metadata.py`` is run with a stand-in for ``objc`` that writes down what is registered. The two
scans of the SDK's headers are in the source distributions of the same packages, as
``metadata/raw*/arm64-26.5.fwinfo``.
"""

import hashlib
import json
import re
import sys
import types
import zipfile
from pathlib import Path

TABLE = Path(__file__).parents[2] / "fixtures" / "device" / "selectors.json"

SELECTORS = [
    *(("NSURL", s) for s in ("fileURLWithPath:", "path")),
    ("NSArray", "arrayWithArray:"),
    *(("NSDictionary", s) for s in ("dictionaryWithDictionary:", "objectForKey:", "allKeys")),
    *(("NSNumber", s) for s in ("numberWithLongLong:", "numberWithBool:", "numberWithDouble:")),
    *(("NSError", s) for s in ("localizedDescription", "domain", "code")),
    ("NSDate", "dateWithTimeIntervalSinceNow:"),
    *(("NSRunLoop", s) for s in ("mainRunLoop", "runUntilDate:")),
    *(
        ("NSFileManager", s)
        for s in (
            "defaultManager",
            "moveItemAtURL:toURL:error:",
            "replaceItemAtURL:withItemAtURL:backupItemName:options:resultingItemURL:error:",
        )
    ),
    *(("MLArrayBatchProvider", s) for s in ("initWithFeatureProviderArray:",)),
    ("MLDictionaryFeatureProvider", "initWithDictionary:error:"),
    ("MLFeatureProvider", "featureValueForName:"),
    *(
        ("MLFeatureValue", s)
        for s in (
            "featureValueWithMultiArray:",
            "featureValueWithInt64:",
            "featureValueWithString:",
            "featureValueWithImageAtURL:constraint:options:error:",
            "type",
            "multiArrayValue",
            "dictionaryValue",
        )
    ),
    ("MLFeatureDescription", "imageConstraint"),
    *(("MLMetricKey", s) for s in ("lossValue", "epochIndex", "miniBatchIndex")),
    *(
        ("MLModel", s)
        for s in (
            "compileModelAtURL:error:",
            "modelWithContentsOfURL:configuration:error:",
            "parameterValueForKey:error:",
            "predictionFromFeatures:error:",
            "modelDescription",
        )
    ),
    *(("MLModelConfiguration", s) for s in ("setComputeUnits:", "setParameters:")),
    *(("MLModelDescription", s) for s in ("isUpdatable", "trainingInputDescriptionsByName")),
    *(
        ("MLMultiArray", s)
        for s in ("initWithShape:dataType:error:", "shape", "strides", "dataType", "dataPointer")
    ),
    *(("MLParameterKey", s) for s in ("weights", "biases", "epochs", "miniBatchSize", "shuffle")),
    *(("MLParameterKey", s) for s in ("learningRate", "scopedTo:")),
    *(("MLTask", s) for s in ("resume", "cancel", "state", "error")),
    *(("MLUpdateContext", s) for s in ("task", "model", "event", "metrics")),
    ("MLUpdateProgressHandlers", "initForEvents:progressHandler:completionHandler:"),
    (
        "MLUpdateTask",
        "updateTaskForModelAtURL:trainingData:configuration:progressHandlers:error:",
    ),
    ("MLUpdateTask", "resumeWithParameters:"),
    ("MLWritable", "writeToURL:error:"),
]
CONSTANTS = [
    "MLComputeUnitsCPUOnly",
    "MLFeatureTypeDictionary",
    "MLFeatureTypeMultiArray",
    "MLMultiArrayDataTypeDouble",
    "MLMultiArrayDataTypeFloat16",
    "MLMultiArrayDataTypeFloat32",
    "MLMultiArrayDataTypeInt32",
    "MLTaskStateCompleted",
    "MLUpdateProgressEventEpochEnd",
    "MLUpdateProgressEventMiniBatchEnd",
    "MLUpdateProgressEventTrainingBegin",
]


def read_sdk(*paths):
    """Return classes, protocols and enums of some header scans."""
    classes, enums = {}, {}
    for path in paths:
        lines = Path(path).read_text().splitlines()
        scan = json.loads("\n".join(line for line in lines if not line.startswith("//")))
        scan = scan["definitions"]
        classes |= scan["classes"] | scan["formal_protocols"]
        enums |= scan["enum"]
    return classes, enums


def sdk_facts(found, selector):
    """Return what the SDK says of one selector of a class or protocol: a property is a getter."""
    for method in found["methods"]:
        if method["selector"] == selector:
            arguments = method["args"]
            return {
                "class_method": method["class_method"],
                "arguments": len(arguments),
                "blocks": [n for n, a in enumerate(arguments) if a["typestr"] == "@?"],
                "outs": [n for n, a in enumerate(arguments) if a.get("type_modifier") == "o"],
                "introduced": method.get("introduced"),
                "deprecated": method.get("deprecated"),
            }
    for prop in found["properties"]:
        name = prop["name"]
        setter = f"set{name[0].upper()}{name[1:]}:"
        if selector in (prop.get("getter", name), setter):
            return {
                "class_method": "class" in prop["attributes"],
                "arguments": selector.count(":"),
                "blocks": [],
                "outs": [],
                "introduced": prop.get("introduced"),
                "deprecated": prop.get("deprecated"),
            }
    raise LookupError(selector)


def framework(cls):
    """Return the module of pyobjc that a class is in."""
    return "CoreML" if cls.startswith("ML") else "Foundation"


def read_bridge(wheel, package="CoreML"):
    """Return what the wheel registers: (class, selector) -> metadata, and its enums."""
    with zipfile.ZipFile(wheel) as archive:
        source = archive.read(f"{package}/_metadata.py").decode()
    registered = {}

    class Objc(types.ModuleType):
        def __getattr__(self, name):
            return lambda *arguments, **named: None

    objc = Objc("objc")
    objc.registerMetaDataForSelector = lambda cls, selector, metadata: registered.update(
        {(cls.decode(), selector.decode()): metadata}
    )
    real = sys.modules.get("objc")
    sys.modules["objc"] = objc
    try:
        module = {"__name__": "CoreML._metadata"}
        exec(compile(source, "_metadata.py", "exec"), module)
    finally:
        sys.modules.pop("objc")
        if real is not None:
            sys.modules["objc"] = real
    enums = {m[1]: int(m[2]) for m in re.finditer(r"\$(\w+)@(-?\d+)", module["enums"])}
    return registered, enums


def bridge_facts(registered, cls, selector):
    """Return blocks, out-parameters and array results that the bridge knows of."""
    metadata = registered.get((cls, selector)) or registered.get(("NSObject", selector)) or {}
    arguments = metadata.get("arguments", {})
    return {
        "blocks": sorted(n - 2 for n, a in arguments.items() if "callable" in a),
        "outs": sorted(n - 2 for n, a in arguments.items() if a.get("type_modifier") == b"o"),
        "array_result": metadata.get("retval", {}).get("c_array_of_variable_length", False),
    }


def block_arity(registered, cls, selector, position):
    """Return how many arguments a block takes, its own self not counted."""
    return len(registered[cls, selector]["arguments"][position + 2]["callable"]["arguments"]) - 1


def record(coreml, cocoa, *scans):
    """Return the table."""
    classes, enums = read_sdk(*scans)
    in_coreml, bridge_enums = read_bridge(coreml)
    in_cocoa, _ = read_bridge(cocoa, "Foundation")
    rows = []
    for cls, selector in SELECTORS:
        registered = in_coreml if framework(cls) == "CoreML" else in_cocoa
        sdk, bridge = sdk_facts(classes[cls], selector), bridge_facts(registered, cls, selector)
        arity = {str(n): block_arity(registered, cls, selector, n) for n in bridge["blocks"]}
        rows.append({"class": cls, "selector": selector, "sdk": sdk, "bridge": bridge,
                     "block_arity": arity})  # fmt: skip
    assert all(enums[name]["value"] == bridge_enums[name] for name in CONSTANTS)
    return {
        "wheels": {
            Path(wheel).name: hashlib.sha256(Path(wheel).read_bytes()).hexdigest()
            for wheel in (coreml, cocoa)
        },
        "sdk": "macOS 26.5, arm64 (header scans in the 12.2.2 source distributions of pyobjc)",
        "selectors": rows,
        "constants": {name: bridge_enums[name] for name in CONSTANTS},
    }


if __name__ == "__main__":
    TABLE.write_text(json.dumps(record(*sys.argv[1:]), indent=1) + "\n")
