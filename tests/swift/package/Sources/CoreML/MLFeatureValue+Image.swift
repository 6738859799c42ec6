import CoreGraphics
import CoreVideo
import Foundation
import ImageIO

extension MLFeatureValue {
    /// Not Sendable in the strictest reading: the importer may or may not say so.
    public struct ImageOption: RawRepresentable, Hashable {
        public let rawValue: String

        public init(rawValue: String) { self.rawValue = rawValue }

        public nonisolated(unsafe) static let cropRect = ImageOption(rawValue: "cropRect")
        public nonisolated(unsafe) static let cropAndScale = ImageOption(rawValue: "cropAndScale")
    }

    public convenience init(
        cgImage: CGImage, constraint: MLImageConstraint,
        options: [MLFeatureValue.ImageOption: Any]? = nil
    ) throws {
        try self.init(cgImage: cgImage, orientation: .up, constraint: constraint, options: options)
    }

    public convenience init(
        cgImage: CGImage, orientation: CGImagePropertyOrientation, constraint: MLImageConstraint,
        options: [MLFeatureValue.ImageOption: Any]? = nil
    ) throws {
        let upright = cgImage.fakePixels.upright(orientation.rawValue)
        try self.init(pixelBuffer: constraint.fakeBuffer(upright, options: options ?? [:]))
    }

    /// The orientation is the one that the file tells.
    public convenience init(
        imageAt url: URL, constraint: MLImageConstraint,
        options: [MLFeatureValue.ImageOption: Any]? = nil
    ) throws {
        let pixels = try FakePixels(at: url)
        let upright = pixels.upright(pixels.orientation)
        try self.init(pixelBuffer: constraint.fakeBuffer(upright, options: options ?? [:]))
    }

    public convenience init(
        imageAt url: URL, orientation: CGImagePropertyOrientation, constraint: MLImageConstraint,
        options: [MLFeatureValue.ImageOption: Any]? = nil
    ) throws {
        let upright = try FakePixels(at: url).upright(orientation.rawValue)
        try self.init(pixelBuffer: constraint.fakeBuffer(upright, options: options ?? [:]))
    }
}

extension FakePixels {
    /// A picture of the stand-in is a file in JSON.
    init(at url: URL) throws {
        self = try JSONDecoder().decode(FakePixels.self, from: Data(contentsOf: url))
    }
}

extension MLImageConstraint {
    /// Returns the picture in the size that is wanted.
    ///
    /// The values of `cropAndScale` are those of VNImageCropAndScaleOption. Core ML's default is not documented:
    /// here there is none.
    func fakeBuffer(
        _ pixels: FakePixels, options: [MLFeatureValue.ImageOption: Any]
    ) throws -> CVPixelBuffer {
        let fitting: FakePixels
        switch options[.cropAndScale] as? UInt {
        case 0: fitting = pixels.cropped(toProportionsOf: pixelsWide, pixelsHigh)
        case 1: fitting = pixels.padded(toProportionsOf: pixelsWide, pixelsHigh)
        case 2: fitting = pixels
        case let other: throw FakeError.invalid("cropAndScale: \(String(describing: other))")
        }
        let scaled = fitting.scaled(width: pixelsWide, height: pixelsHigh)
        return CVPixelBuffer(fakePixels: scaled, format: pixelFormatType)
    }
}
