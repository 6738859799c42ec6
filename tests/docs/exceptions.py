"""What a page tells a reader to type and no test can, one by one; and what is run otherwise."""

MAC = "needs a Mac with Xcode"
CLUSTER = "needs a cluster; tests/studies/test_cluster.py has one on this machine"
FRAMEWORK = "needs a framework that is no dependency, and the page says that it was not run"
DEBUGGER = "is typed into Xcode's debugger"
PIP = "makes an environment; the tests run in one that `.ci/run` has made"

NOT_RUN: dict[str, dict[str, str]] = {
    "README.md": {
        "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && "
        ".venv/bin/python -m pytest": "is what `.ci/run` runs, and these tests with it",
    },
    "docs/background-training.md": {
        "e -l objc -- (void)[[BGTaskScheduler sharedScheduler] "
        '_simulateLaunchForTaskWithIdentifier:@"com.example.app.training"]': DEBUGGER,
    },
    "docs/device.md": {
        "pip install '.[keras,macos]'": PIP,
        "xcrun coremlcompiler compile LeNet.mlmodel .": MAC,
        "xcrun swiftc -parse-as-library -swift-version 6 fixtures/device/TrainLeNet.swift "
        "LeNetTrainer.swift -o TrainLeNet": MAC,
        "./TrainLeNet LeNet.mlmodelc personal": MAC,
    },
    "docs/report.md": {"pip install '.[report]'": PIP},
    "docs/studies.md": {
        "pip install '.[study]'": PIP,
        "dask scheduler --scheduler-file scheduler.json": CLUSTER,
        "dask worker --scheduler-file scheduler.json --nthreads 1 --nworkers 8": CLUSTER,
        "make-updatable study digits.yaml --scheduler-file scheduler.json": CLUSTER,
    },
    "docs/way-back.md": {
        "class Phone(flwr.client.NumPyClient):": FRAMEWORK,
        "import nvflare.client as flare": FRAMEWORK,
    },
}
"""Page -> command, or first line of a block, that does not run here -> why."""

ON_A_TERMINAL = {
    "python3 -m venv .venv && .venv/bin/pip install '.[keras]' && "
    ".venv/bin/make-updatable models/lenet.h5 --layers dense_5,dense_6",
    "make-updatable validate CatDog.mlmodel",
    "make-updatable --help",
    "make-updatable weights list anna.mlmodel",
    "make-updatable recipe check lenet.yaml",
}
"""Commands that are typed on a pseudo-terminal; in a process of their own, as the tool is used."""

IN_A_PROCESS = {
    "make-updatable swift CatDog.mlmodel -o PetTrainer.swift",
    "make-updatable validate Digits.mlmodel",
    "make-updatable verify Digits.mlmodel --on-device",
}
"""Commands of make-updatable that run as a process, though nothing asks for a shell."""

ENDS_WITH: dict[str, int] = {
    "make-updatable models/lenet.h5 --layers dense_6": 1,
    "make-updatable verify Digits.mlmodel --on-device": 4,
    "make-updatable verify Digits.mlmodel --on-device --data fixtures/mnist_sample.npz "
    "-o verdict.json": 4,
    "make-updatable models/lenet.h5 --layers dense_6 --on-device -o Head.mlmodel": 4,
}
"""Commands that do not end with 0, as the page says."""

BESIDES = {"make-updatable models/*.yaml -o build/": "--jobs 1"}
"""Commands -> what the tests add to them: one process after the other starts TensorFlow once."""

STUDIES = {
    "make-updatable study digits.yaml -o study.json -o study.csv --plot study.svg": "digits.yaml"
}
"""Commands -> study whose results are computed in this process before, instead of in workers that
would start TensorFlow again; `tests/studies/test_cluster.py` has workers."""

FROM_A_DEVICE = {"Personal.mlmodelc": "anna.mlmodel"}
"""Folders that a device writes -> the model that it has learned, which `train` has made here."""
