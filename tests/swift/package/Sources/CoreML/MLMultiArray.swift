import Foundation

public enum MLMultiArrayDataType: Int, Sendable {
    case double = 65600
    case float32 = 65568
    case int32 = 131104
}

/// Numbers of one type in memory, in any order that `strides` tells.
open class MLMultiArray: NSObject {
    public let shape: [NSNumber]
    public let dataType: MLMultiArrayDataType
    public let strides: [NSNumber]
    public let dataPointer: UnsafeMutableRawPointer
    private let deallocator: ((UnsafeMutableRawPointer) -> Void)?

    public var count: Int { shape.reduce(1) { $0 * $1.intValue } }

    public init(
        dataPointer: UnsafeMutableRawPointer, shape: [NSNumber], dataType: MLMultiArrayDataType,
        strides: [NSNumber], deallocator: ((UnsafeMutableRawPointer) -> Void)? = nil
    ) throws {
        guard shape.count == strides.count else { throw FakeError.invalid("shape and strides") }
        self.dataPointer = dataPointer
        self.shape = shape
        self.dataType = dataType
        self.strides = strides
        self.deallocator = deallocator
    }

    public convenience init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {
        let count = shape.reduce(1) { $0 * $1.intValue }
        let bytes = max(count, 1) * MemoryLayout<Double>.stride
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        try self.init(
            dataPointer: memory, shape: shape, dataType: dataType,
            strides: Self.contiguous(shape), deallocator: { $0.deallocate() }
        )
    }

    deinit { deallocator?(dataPointer) }

    /// The element at `idx` in the order of the indices, whatever the order in memory.
    public subscript(idx: Int) -> NSNumber {
        get {
            let offset = self.offset(of: idx)
            switch dataType {
            case .double: return NSNumber(value: element(Double.self, offset).pointee)
            case .float32: return NSNumber(value: element(Float.self, offset).pointee)
            case .int32: return NSNumber(value: element(Int32.self, offset).pointee)
            }
        }
        set {
            let offset = self.offset(of: idx)
            switch dataType {
            case .double: element(Double.self, offset).pointee = newValue.doubleValue
            case .float32: element(Float.self, offset).pointee = newValue.floatValue
            case .int32: element(Int32.self, offset).pointee = newValue.int32Value
            }
        }
    }

    private func element<T>(_ type: T.Type, _ offset: Int) -> UnsafeMutablePointer<T> {
        dataPointer.assumingMemoryBound(to: type) + offset
    }

    private func offset(of index: Int) -> Int {
        var rest = index
        var offset = 0
        for (size, stride) in zip(shape, strides).reversed() {
            offset += rest % size.intValue * stride.intValue
            rest /= size.intValue
        }
        return offset
    }

    private static func contiguous(_ shape: [NSNumber]) -> [NSNumber] {
        var strides: [NSNumber] = []
        var stride = 1
        for size in shape.reversed() {
            strides.insert(NSNumber(value: stride), at: 0)
            stride *= size.intValue
        }
        return strides
    }
}

extension MLMultiArray {
    /// Its elements in the order of the indices.
    var fakeElements: [Double] { (0..<count).map { self[$0].doubleValue } }

    static func fake(_ elements: [Double], shape: [Int], _ type: MLMultiArrayDataType) -> MLMultiArray {
        // A shape and a type of our own are never refused.
        let array = try! MLMultiArray(shape: shape.map { NSNumber(value: $0) }, dataType: type)
        for (index, element) in elements.enumerated() { array[index] = NSNumber(value: element) }
        return array
    }
}
