import CoreGraphics
import CoreVideo
import Foundation
import ImageIO

public enum MLFeatureType: Int, Sendable {
    case invalid
    case int64
    case double
    case string
    case image
    case multiArray
    case dictionary
    case sequence
}

/// One value of an input or output.
open class MLFeatureValue: NSObject {
    public let type: MLFeatureType
    public let int64Value: Int64
    public let doubleValue: Double
    public let stringValue: String
    public let multiArrayValue: MLMultiArray?
    public let dictionaryValue: [AnyHashable: NSNumber]
    public let imageBufferValue: CVPixelBuffer?

    private init(
        _ type: MLFeatureType, int64: Int64 = 0, double: Double = 0, string: String = "",
        multiArray: MLMultiArray? = nil, dictionary: [AnyHashable: NSNumber] = [:],
        image: CVPixelBuffer? = nil
    ) {
        self.type = type
        int64Value = int64
        doubleValue = double
        stringValue = string
        multiArrayValue = multiArray
        dictionaryValue = dictionary
        imageBufferValue = image
        FakeCoreML.shared.valueWasMade()
    }

    deinit { FakeCoreML.shared.valueIsGone() }

    public convenience init(int64 value: Int64) { self.init(.int64, int64: value) }
    public convenience init(double value: Double) { self.init(.double, double: value) }
    public convenience init(string value: String) { self.init(.string, string: value) }
    public convenience init(multiArray value: MLMultiArray) {
        self.init(.multiArray, multiArray: value)
    }
    public convenience init(pixelBuffer value: CVPixelBuffer) { self.init(.image, image: value) }
    public convenience init(dictionary value: [AnyHashable: NSNumber]) throws {
        self.init(.dictionary, dictionary: value)
    }
}
