/// Foundation brings it along on Apple's systems, and Core ML here. Nothing is pooled.
public func autoreleasepool<E, Result>(invoking body: () throws(E) -> Result) throws(E) -> Result
where E: Error, Result: ~Copyable {
    try body()
}
