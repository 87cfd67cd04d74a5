extension TraceName {
    /// A part of the gradient, from leaving this worker until its sum is here, and its number.
    public static let bucket = "bucket"
    public static let bucketNumber = "bucket"

    /// Attributes of an all-reduce: how many buckets it had, and how long after the step's beginning the first one left.
    public static let buckets = "buckets"
    public static let firstBucketNanoseconds = "firstBucketNanoseconds"
}
