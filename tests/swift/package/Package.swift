// swift-tools-version:5.9
// A stand-in for Core ML that trains, on which the generated Swift is compiled and run where there is
// no Core ML. What of Apple's it declares stands in facts.json, with the source of each line.
//
// `python -m tests.swift.running FOLDER` copies it to FOLDER together with the trainers and models that
// its tests take; there `swift test` works. The test suite calls the compiler itself, which is cheaper.
import PackageDescription

let package = Package(
    name: "StandIn",
    targets: [
        .target(name: "ObjectiveC"),
        .target(name: "CoreGraphics"),
        .target(name: "ImageIO", dependencies: ["CoreGraphics"]),
        .target(name: "CoreVideo", dependencies: ["CoreGraphics"]),
        .target(name: "VideoToolbox", dependencies: ["CoreGraphics", "CoreVideo"]),
        .target(name: "CoreML", dependencies: ["CoreGraphics", "CoreVideo", "ImageIO", "ObjectiveC"]),
        .testTarget(name: "TrainerTests", dependencies: ["CoreML", "VideoToolbox"]),
    ]
)
