// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .define("LOCKSTEP_FAILPOINTS", .when(configuration: .debug)),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioConcurrencyHelpers = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioExtras = Target.Dependency.product(name: "NIOExtras", package: "swift-nio-extras")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let inMemoryTracing = Target.Dependency.product(name: "InMemoryTracing", package: "swift-distributed-tracing")
let serviceContext = Target.Dependency.product(name: "ServiceContextModule", package: "swift-service-context")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let inMemoryLogging = Target.Dependency.product(name: "InMemoryLogging", package: "swift-log")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let certificates = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

/// One line a module, in the order of `docs/architecture.md`: a module depends only on modules above it.
let package = Package(
    name: "lockstep",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Lockstep", targets: ["Lockstep"]),
        .executable(name: "lockstep", targets: ["LockstepMain"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-service-context.git", from: "1.5.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.2", traits: []),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    ],
    targets: [
        .target(
            name: "CLockstepKernels",
            cSettings: [.unsafeFlags(["-O2"], .when(configuration: .debug))]
        ),
        .target(name: "CLockstepSystem"),
        .target(name: "LockstepCore", dependencies: [crypto]),
        .target(name: "LockstepFormats", dependencies: ["LockstepCore"]),
        .target(name: "LockstepEngine", dependencies: ["CLockstepKernels", "LockstepCore"]),
        .target(name: "LockstepModels", dependencies: ["LockstepCore", "LockstepEngine"]),
        .target(name: "LockstepData", dependencies: ["CLockstepKernels", "LockstepCore", "LockstepFormats"]),
        .target(
            name: "LockstepJobs",
            dependencies: ["LockstepCore", "LockstepFormats", "LockstepEngine", "LockstepModels", "LockstepData", yams]
        ),
        .target(name: "LockstepCollectives", dependencies: ["CLockstepKernels", "LockstepCore"]),
        .target(name: "LockstepCluster", dependencies: ["LockstepCore", "LockstepCollectives"]),
        .target(name: "LockstepSnapshots", dependencies: ["LockstepCore", "LockstepFormats"]),
        .target(name: "LockstepTracing", dependencies: ["LockstepCore", tracing, serviceContext]),
        .target(name: "LockstepInspection", dependencies: ["LockstepCore", "LockstepFormats"]),
        .target(
            name: "LockstepWire",
            dependencies: [
                "CLockstepKernels", "CLockstepSystem", "LockstepCore", "LockstepCollectives", "LockstepCluster",
                nioCore, nioPosix, nioTLS, nioExtras, nioSSL, certificates, asn1, crypto, logging,
            ]
        ),
        .target(
            name: "LockstepRuntime",
            dependencies: [
                "CLockstepKernels", "CLockstepSystem", "LockstepCore", "LockstepFormats", "LockstepEngine",
                "LockstepModels",
                "LockstepData", "LockstepJobs", "LockstepCollectives", "LockstepCluster", "LockstepSnapshots",
                "LockstepTracing", "LockstepInspection", "LockstepWire",
                nioCore, nioPosix, nioConcurrencyHelpers, deque, tracing, serviceContext, serviceLifecycle, logging,
                subprocess,
            ]
        ),
        .target(
            name: "Lockstep",
            dependencies: [
                "LockstepCore", "LockstepFormats", "LockstepEngine", "LockstepModels", "LockstepData", "LockstepJobs",
                "LockstepCluster", "LockstepSnapshots", "LockstepInspection", "LockstepWire", "LockstepRuntime",
                serviceLifecycle, logging, tracing, argumentParser,
            ]
        ),
        .executableTarget(name: "LockstepMain", dependencies: ["Lockstep"]),
        .executableTarget(
            name: "DigitsProgram", dependencies: ["Lockstep"], path: "cluster/programs/digits", exclude: ["digits.yaml"]
        ),

        .testTarget(name: "CLockstepKernelsTests", dependencies: ["CLockstepKernels", "LockstepCore"]),
        .testTarget(name: "LockstepCoreTests", dependencies: ["LockstepCore"]),
        .testTarget(
            name: "LockstepFormatsTests", dependencies: ["LockstepFormats", "LockstepCore", "LockstepTestSupport"]
        ),
        .target(name: "CMallocCounter", path: "Tests/CMallocCounter"),
        .target(name: "LockstepTestSupport", path: "Tests/LockstepTestSupport"),
        .testTarget(
            name: "LockstepEngineTests",
            dependencies: ["CLockstepKernels", "CMallocCounter", "LockstepCore", "LockstepEngine"]
        ),
        .testTarget(
            name: "LockstepModelsTests",
            dependencies: ["CLockstepKernels", "LockstepCore", "LockstepFormats", "LockstepEngine", "LockstepModels"]
        ),
        .testTarget(
            name: "LockstepDataTests",
            dependencies: [
                "CLockstepKernels", "LockstepCore", "LockstepFormats", "LockstepData", "LockstepTestSupport",
            ]
        ),
        .testTarget(
            name: "LockstepJobsTests",
            dependencies: [
                "LockstepCore", "LockstepFormats", "LockstepEngine", "LockstepModels", "LockstepData", "LockstepJobs",
                "LockstepTestSupport",
            ]
        ),
        .testTarget(
            name: "LockstepCollectivesTests",
            dependencies: ["LockstepCore", "LockstepCollectives", "LockstepTestSupport"]
        ),
        .testTarget(
            name: "LockstepClusterTests",
            dependencies: [
                "LockstepCore", "LockstepCollectives", "LockstepCluster", "LockstepTestSupport", "ClusterSimulation",
            ]
        ),
        .target(
            name: "ClusterSimulation",
            dependencies: ["LockstepCore", "LockstepCollectives", "LockstepCluster", "LockstepTestSupport"],
            path: "Tests/ClusterSimulation"
        ),
        .executableTarget(
            name: "SimulateCluster", dependencies: ["ClusterSimulation"], path: "Tests/SimulateCluster"
        ),
        .executableTarget(
            name: "StepInstructions",
            dependencies: [
                "LockstepCore", "LockstepEngine", "LockstepJobs", "LockstepCollectives", "LockstepCluster",
            ], path: "Tests/StepInstructions"
        ),
        .testTarget(
            name: "LockstepSnapshotsTests",
            dependencies: ["LockstepCore", "LockstepFormats", "LockstepSnapshots", "LockstepTestSupport"]
        ),
        .testTarget(
            name: "LockstepTracingTests",
            dependencies: [
                "LockstepCore", "LockstepFormats", "LockstepTracing", "LockstepInspection", "LockstepTestSupport",
                tracing, inMemoryTracing,
            ]
        ),
        .testTarget(
            name: "LockstepInspectionTests",
            dependencies: ["LockstepCore", "LockstepFormats", "LockstepInspection", "LockstepTestSupport"]
        ),
        .testTarget(
            name: "LockstepWireTestSupport",
            dependencies: ["LockstepCore", "LockstepWire", "LockstepTestSupport", nioCore]
        ),
        .testTarget(
            name: "LockstepWireTests",
            dependencies: [
                "CMallocCounter", "LockstepCore", "LockstepCollectives", "LockstepCluster", "LockstepWire",
                "LockstepTestSupport", "LockstepWireTestSupport",
                nioCore, nioPosix, nioTLS, nioEmbedded, nioSSL, certificates, asn1, crypto, logging,
            ]
        ),
        .testTarget(
            name: "LockstepRuntimeTests",
            dependencies: [
                "LockstepCore", "LockstepFormats", "LockstepEngine", "LockstepModels", "LockstepData", "LockstepJobs",
                "LockstepCollectives", "LockstepCluster", "LockstepSnapshots", "LockstepTracing", "LockstepWire",
                "LockstepRuntime", "LockstepTestSupport", "LockstepWireTestSupport",
                nioCore, nioPosix, tracing, inMemoryTracing, logging, inMemoryLogging, serviceLifecycle,
            ]
        ),
        .testTarget(
            name: "EndToEnd",
            dependencies: [
                "LockstepMain", "DigitsProgram", "LockstepCore", "LockstepFormats", "LockstepSnapshots",
                "LockstepTestSupport", "LockstepWire", "LockstepWireTestSupport", subprocess,
            ]
        ),
    ]
)

let targetsInC = ["CLockstepKernels", "CLockstepSystem", "CMallocCounter"]
for target in package.targets where !targetsInC.contains(target.name) {
    target.swiftSettings = settings
}
