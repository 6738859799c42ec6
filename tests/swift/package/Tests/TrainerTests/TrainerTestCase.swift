import CoreML
import Foundation
import XCTest

/// Each test has a folder of its own, and the stand-in as it is at first.
class TrainerTestCase: XCTestCase {
    let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("trainer-tests-\(UUID().uuidString)", isDirectory: true)

    override func setUp() { FakeCoreML.shared.reset() }

    override func tearDown() {
        FakeCoreML.shared.reset()
        try? FileManager.default.removeItem(at: folder)
    }

    static let models = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Models").standardized

    /// A bundle with one compiled model in it.
    static func bundle(_ name: String) throws -> Bundle {
        try XCTUnwrap(Bundle(url: models.appendingPathComponent(name, isDirectory: true)))
    }

    /// The folders of models in `folder`, by name.
    func savedModels() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".mlmodelc") }.sorted()
    }

    func trainer() throws -> ArrayTrainer {
        try ArrayTrainer(bundle: Self.bundle("Array"), folder: folder)
    }

    /// Asserts that `body` throws `expected`.
    func assertThrows<E: Error & Equatable>(
        _ expected: E, line: UInt = #line, _ body: () async throws -> Void
    ) async {
        do {
            try await body()
            XCTFail("nothing was thrown", line: line)
        } catch {
            XCTAssertEqual(error as? E, expected, "\(error)", line: line)
        }
    }
}

/// Twelve samples of three classes that are told apart by which pixels are bright.
let arraySamples = (0..<12).map { ArrayTrainer.Sample(image: pixels($0), label: $0 % 3) }

func pixels(_ number: Int) -> [Double] {
    (0..<16).map { $0 / 5 == number % 3 ? 1 : Double((number * 7 + $0) % 10) / 40 }
}

/// Waits until nothing of the stand-in runs.
func silence() async throws {
    while FakeCoreML.shared.record.running > 0 { try await Task.sleep(nanoseconds: 200_000) }
}

/// Something that threads hand to one another.
final class Box<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value?

    func put(_ value: Value) { lock.withLock { self.value = value } }

    func get() -> Value? { lock.withLock { value } }

    /// Waits until there is something.
    func take() -> Value {
        while true {
            if let value = get() { return value }
            usleep(100)
        }
    }
}
