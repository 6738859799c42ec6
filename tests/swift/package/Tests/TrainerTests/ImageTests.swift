import CoreGraphics
import CoreML
import CoreVideo
import ImageIO
import XCTest

/// Pictures of any size, from anywhere, come upright and in the model's size.
final class ImageTests: TrainerTestCase {
    /// 8 × 4: the left half is dark, the right one light.
    private let wide = FakePixels(
        width: 8, height: 4, channels: 1, bytes: (0..<32).map { $0 % 8 < 4 ? 0 : 200 }
    )
    /// A portrait photograph, 4 × 8 upright, whose pixels lie on their side as the camera wrote them.
    private var lying: FakePixels {
        let bytes = (0..<32).map { UInt8($0 % 8 < 4 ? 0 : 200) }
        return FakePixels(width: 8, height: 4, channels: 1, bytes: bytes, orientation: 6)
    }

    private func imageTrainer() throws -> ImageTrainer {
        try ImageTrainer(bundle: Self.bundle("Image"), folder: folder)
    }

    /// The probability of "light" shows which pixels arrived.
    private func share(_ image: ImageTrainer.Image) async throws -> Double {
        let prediction = try await imageTrainer().predict(image: image)
        return try XCTUnwrap(prediction.probabilities["light"])
    }

    /// A picture that is upright and of the model's size already.
    private func share(_ rows: [[UInt8]]) async throws -> Double {
        let pixels = FakePixels(width: 4, height: 4, channels: 1, bytes: rows.flatMap { $0 })
        return try await share(ImageTrainer.Image(CGImage(fakePixels: pixels)))
    }

    func testItLearns() async throws {
        let samples = (0..<12).map { number in
            let bytes = [UInt8](repeating: number % 2 == 0 ? 20 : 220, count: 32)
            let pixels = FakePixels(width: 8, height: 4, channels: 1, bytes: bytes)
            return ImageTrainer.Sample(
                image: ImageTrainer.Image(CGImage(fakePixels: pixels)),
                label: number % 2 == 0 ? "dark" : "light"
            )
        }
        let trainer = try imageTrainer()
        var parameters = ImageTrainer.Parameters()
        parameters.epochs = 20
        try await trainer.train(on: samples, parameters: parameters)
        let evaluation = try await trainer.evaluate(on: samples)
        XCTAssertEqual(evaluation.accuracy, 1)
    }

    func testCropAndScale() async throws {
        let picture = CGImage(fakePixels: wide)
        let half: [UInt8] = [0, 0, 200, 200]
        let filled = try await share(ImageTrainer.Image(picture, cropAndScale: .scaleFill))
        let stretched = try await share([half, half, half, half])
        XCTAssertEqual(filled, stretched)
        let fitted = try await share(ImageTrainer.Image(picture, cropAndScale: .scaleFit))
        let margins = try await share([[0, 0, 0, 0], half, half, [0, 0, 0, 0]])
        XCTAssertEqual(fitted, margins)
        XCTAssertNotEqual(filled, fitted)
    }

    func testTheMiddleIsCropped() async throws {
        // The middle of a picture of three parts is its middle part.
        let bytes = (0..<48).map { UInt8($0 % 12 / 4 == 1 ? 250 : 0) }
        let pixels = FakePixels(width: 12, height: 4, channels: 1, bytes: bytes)
        let cropped = try await share(
            ImageTrainer.Image(CGImage(fakePixels: pixels), cropAndScale: .centerCrop)
        )
        let light = try await share([[UInt8]](repeating: [250, 250, 250, 250], count: 4))
        XCTAssertEqual(cropped, light)
    }

    func testOrientation() async throws {
        // Turned to the right, the dark left half is the upper one.
        let dark = [UInt8](repeating: 0, count: 4)
        let light = [UInt8](repeating: 200, count: 4)
        let upright = try await share([dark, dark, light, light])
        let turned = try await share(ImageTrainer.Image(CGImage(fakePixels: lying), orientation: .right))
        XCTAssertEqual(turned, upright)
        let left = try await share(ImageTrainer.Image(CGImage(fakePixels: lying), orientation: .left))
        let reversed = try await share([light, light, dark, dark])
        XCTAssertEqual(left, reversed)
        XCTAssertNotEqual(turned, left)
    }

    func testFile() async throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent("photo.json")
        try JSONEncoder().encode(lying).write(to: file)
        let read = try await share(ImageTrainer.Image(contentsOf: file))
        let turned = try await share(ImageTrainer.Image(CGImage(fakePixels: lying), orientation: .right))
        XCTAssertEqual(read, turned)
        let told = try await share(ImageTrainer.Image(contentsOf: file, orientation: .up))
        let lies = try await share(ImageTrainer.Image(CGImage(fakePixels: lying)))
        XCTAssertEqual(told, lies)
    }

    func testPixelBuffer() async throws {
        let buffer = CVPixelBuffer(fakePixels: lying, format: kCVPixelFormatType_32BGRA)
        let turned = try await share(ImageTrainer.Image(buffer, orientation: .right))
        let wanted = try await share(ImageTrainer.Image(CGImage(fakePixels: lying), orientation: .right))
        XCTAssertEqual(turned, wanted)
    }

    /// A file that is not there fails the training, and nothing is saved.
    func testMissingFile() async throws {
        let image = ImageTrainer.Image(contentsOf: folder.appendingPathComponent("missing.json"))
        let trainer = try imageTrainer()
        do {
            try await trainer.train(on: [ImageTrainer.Sample(image: image, label: "dark")])
            XCTFail("nothing was thrown")
        } catch {
            XCTAssertEqual((error as NSError).domain, NSCocoaErrorDomain)
        }
        XCTAssertEqual(try savedModels(), [])
    }
}
