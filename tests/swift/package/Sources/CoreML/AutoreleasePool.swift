/// Of the module ObjectiveC, which Foundation brings along on Apple's systems. Here nothing is pooled.
public func autoreleasepool<E, Result>(invoking body: () throws(E) -> Result) throws(E) -> Result
where E: Error, Result: ~Copyable {
    try body()
}
