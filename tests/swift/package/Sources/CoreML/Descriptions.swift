import CoreFoundation
import CoreVideo
import Foundation

open class MLImageConstraint: NSObject {
    public let pixelsHigh: Int
    public let pixelsWide: Int
    public let pixelFormatType: OSType

    init(_ feature: FakeModel.Feature) {
        let channels = feature.shape[0]
        pixelsHigh = feature.shape[1]
        pixelsWide = feature.shape[2]
        pixelFormatType = channels == 1 ? kCVPixelFormatType_OneComponent8 : kCVPixelFormatType_32BGRA
    }
}

open class MLFeatureDescription: NSObject {
    public let name: String
    public let type: MLFeatureType

    private let feature: FakeModel.Feature

    init(_ feature: FakeModel.Feature) {
        self.feature = feature
        name = feature.name
        type = feature.type.featureType
    }
}

extension MLFeatureDescription {
    public var imageConstraint: MLImageConstraint? {
        type == .image ? MLImageConstraint(feature) : nil
    }
}

open class MLModelDescription: NSObject {
    public let inputDescriptionsByName: [String: MLFeatureDescription]
    public let isUpdatable: Bool

    init(_ model: FakeModel) {
        let described = model.inputs.map { ($0.name, MLFeatureDescription($0)) }
        inputDescriptionsByName = Dictionary(uniqueKeysWithValues: described)
        isUpdatable = model.isUpdatable
    }
}
