/// An image, which is not Sendable in the strictest reading of the SDK.
#if SENDABLE_IMAGE
    public class CGImage: @unchecked Sendable {
        public let fakePixels: FakePixels

        public init(fakePixels: FakePixels) { self.fakePixels = fakePixels }
    }
#else
    public class CGImage {
        public let fakePixels: FakePixels

        public init(fakePixels: FakePixels) { self.fakePixels = fakePixels }
    }
#endif

extension CGImage {
    public var width: Int { fakePixels.width }
    public var height: Int { fakePixels.height }
}
