// swift-tools-version: 6.2
import PackageDescription

/// What holds for every target of ours: the strictest checks that Swift has, and no warning let through.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

func library(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// libzmq and SDL have no pkg-config name here, since their files bring flags that this package manager refuses.
func system(_ name: String, pkgConfig: String?, apt: String...) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt(apt)])
}

let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")

/// Named where a test runs them, so that they are built beside it.
let programs: [Target.Dependency] = [
    "secam", "secam-gateway", "secam-capture", "secam-encode", "secam-motion", "secam-archive", "secam-view",
]

let package = Package(
    name: "secam",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    ],
    targets: [
        system("CTurboJPEG", pkgConfig: "libturbojpeg", apt: "libturbojpeg0-dev"),
        system("CV4L2", pkgConfig: "libv4l2", apt: "libv4l-dev"),
        system("CCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
        system("COpenSSL", pkgConfig: "openssl", apt: "libssl-dev"),
        system(
            "CAVFormat", pkgConfig: "libavformat", apt: "libavformat-dev", "libavcodec-dev", "libavutil-dev",
            "libswscale-dev"),
        system("CLinux", pkgConfig: nil, apt: "libc6-dev"),
        system("CSDL", pkgConfig: nil, apt: "libsdl2-dev"),
        system("CSodium", pkgConfig: nil, apt: "libsodium-dev"),
        system("CZeroMQ", pkgConfig: nil, apt: "libzmq3-dev", "libsodium-dev"),
        library("SecamWire"),
        library(
            "SecamConfig",
            [
                "SecamWire", "CLinux",
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"), arguments, lifecycle, log,
            ]),
        library("SecamMesh", ["SecamConfig", "SecamWire", "CZeroMQ", lifecycle, log]),
        library("SecamMetrics", ["SecamConfig", "SecamMesh", "SecamWire", lifecycle, log, nioCore, nioHTTP, nioPosix]),
        library("SecamPicture", ["SecamWire"]),
        library("SecamMotionDetector"),
        library("SecamJPEG", ["SecamPicture", "SecamWire", "CTurboJPEG"]),
        library("SecamV4L2", ["SecamWire", "CV4L2"]),
        library("SecamMedia", ["SecamWire", "CAVFormat"]),
        library(
            "SecamMotionFootage", ["SecamJPEG", "SecamMedia", "SecamMotionDetector", "SecamPicture", "SecamWire"]),
        library(
            "SecamCapture",
            [
                "SecamConfig", "SecamMedia", "SecamMesh", "SecamMetrics", "SecamPicture", "SecamV4L2", "SecamWire",
                "CSodium", arguments, lifecycle, log,
            ]),
        library(
            "SecamEncode",
            [
                "SecamConfig", "SecamJPEG", "SecamMesh", "SecamMetrics", "SecamPicture", "SecamWire", arguments,
                lifecycle, log,
            ]),
        library("SecamTLS", ["COpenSSL", nioCore]),
        library(
            "SecamClient",
            [
                "SecamConfig", "SecamJPEG", "SecamMedia", "SecamPicture", "SecamTLS", "SecamWire", "CSDL", arguments,
                nioCore, nioPosix,
            ]),
        program("secam-view", ["SecamClient", "SecamConfig", arguments]),
        library(
            "SecamUsers",
            ["SecamConfig", "SecamTLS", "SecamWire", log, grdb]),
        library("SecamPolicy", ["SecamConfig", "SecamWire", .product(name: "Yams", package: "Yams")]),
        library(
            "SecamHooks",
            [
                "SecamConfig", "SecamPolicy", "SecamTLS", "SecamWire", "CCurl", log, subprocess,
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        library(
            "SecamGateway",
            [
                "SecamConfig", "SecamHooks", "SecamMesh", "SecamMetrics", "SecamPolicy", "SecamTLS", "SecamUsers",
                "SecamWire", arguments, lifecycle, log, nioCore, nioPosix,
            ]),
        library(
            "SecamMotion",
            [
                "SecamConfig", "SecamMesh", "SecamMetrics", "SecamMotionDetector", "SecamWire", arguments, lifecycle,
                log,
            ]),
        library(
            "SecamRecording",
            ["SecamConfig", "SecamJPEG", "SecamMedia", "SecamTLS", "SecamWire", log, grdb], exclude: ["README.md"]),
        library(
            "SecamArchive",
            ["SecamConfig", "SecamMesh", "SecamMetrics", "SecamRecording", "SecamWire", arguments, lifecycle, log]),
        library(
            "SecamControl",
            [
                "SecamConfig", "SecamJPEG", "SecamMesh", "SecamMetrics", "SecamMotionDetector", "SecamMotionFootage",
                "SecamPolicy", "SecamRecording", "SecamTLS", "SecamUsers", "SecamV4L2", "SecamWire", arguments, lifecycle, log, nioCore, nioPosix,
                subprocess,
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        program("secam", ["SecamConfig", "SecamControl", arguments]),
        program("secam-gateway", ["SecamGateway", arguments]),
        program("secam-capture", ["SecamCapture", arguments]),
        program("secam-encode", ["SecamEncode", arguments]),
        program("secam-motion", ["SecamMotion", arguments]),
        program("secam-archive", ["SecamArchive", arguments]),
        library("SecamTestSupport", ["SecamConfig", "SecamMesh", "SecamWire", "CLinux", log]),
        .testTarget(
            name: "IntegrationTests",
            dependencies: ["SecamTestSupport", "SecamJPEG", "SecamPicture", "SecamWire"] + programs,
            exclude: ["webcams.sh"], swiftSettings: strict),
        .testTarget(
            name: "FaultTests",
            dependencies: ["SecamMesh", "SecamRecording", "SecamTestSupport", "SecamWire", log] + programs,
            exclude: ["power-cut.sh"], swiftSettings: strict),
        tests("SecamConfigTests", ["SecamConfig", "SecamTestSupport", "SecamWire", arguments, log]),
        tests(
            "SecamMeshTests",
            ["SecamConfig", "SecamMesh", "SecamTestSupport", "SecamWire", "CSodium", "CZeroMQ", lifecycle]),
        tests(
            "SecamCaptureTests",
            [
                "SecamCapture", "SecamConfig", "SecamEncode", "SecamJPEG", "SecamMedia", "SecamMesh", "SecamPicture",
                "SecamTestSupport", "SecamWire", lifecycle,
            ]),
        tests(
            "SecamEncodeTests",
            ["SecamConfig", "SecamEncode", "SecamJPEG", "SecamMesh", "SecamPicture", "SecamTestSupport", "SecamWire"]),
        tests("SecamWireTests", ["SecamWire"]),
        tests("SecamPictureTests", ["SecamPicture", "SecamWire"]),
        tests("SecamJPEGTests", ["SecamJPEG", "SecamPicture", "SecamWire"]),
        tests("SecamMotionDetectorTests", ["SecamMotionDetector"]),
        tests(
            "SecamMotionFootageTests",
            [
                "SecamJPEG", "SecamMedia", "SecamMotionDetector", "SecamMotionFootage", "SecamTestSupport", "SecamWire",
                subprocess,
            ]),
        tests("SecamV4L2Tests", ["SecamV4L2", "SecamWire"]),
        tests("SecamMediaTests", ["SecamMedia", "SecamWire"]),
        tests(
            "SecamRecordingTests",
            ["SecamConfig", "SecamJPEG", "SecamMedia", "SecamRecording", "SecamTestSupport", "SecamWire", grdb, log]),
        tests(
            "SecamArchiveTests",
            [
                "SecamArchive", "SecamConfig", "SecamJPEG", "SecamMesh", "SecamRecording", "SecamTestSupport", "SecamWire",
                log,
            ]),
        tests(
            "SecamHooksTests",
            ["SecamConfig", "SecamHooks", "SecamPolicy", "SecamTestSupport", "SecamTLS", "SecamWire", log, nioCore, nioPosix]),
        tests("SecamMetricsTests", ["SecamConfig", "SecamMetrics", "SecamTestSupport", "SecamWire", lifecycle]),
        tests("SecamPolicyTests", ["SecamPolicy", "SecamTestSupport", "SecamWire"]),
        tests("SecamUsersTests", ["SecamTestSupport", "SecamTLS", "SecamUsers", "SecamWire", grdb, log]),
        tests(
            "SecamGatewayTests",
            [
                "SecamConfig", "SecamGateway", "SecamHooks", "SecamMesh", "SecamPolicy", "SecamTestSupport", "SecamTLS",
                "SecamUsers", "SecamWire", log, nioCore, nioPosix,
            ]),
        tests(
            "SecamControlTests",
            ["SecamConfig", "SecamControl", "SecamJPEG", "SecamTestSupport", "SecamWire", log, nioCore]),
        tests(
            "SecamClientTests",
            [
                "SecamClient", "SecamConfig", "SecamTestSupport", "SecamTLS", "SecamWire", arguments, nioCore, nioPosix,
            ]),
        tests(
            "SecamTLSTests",
            ["SecamTestSupport", "SecamTLS", "COpenSSL", nioCore, nioEmbedded, nioPosix, subprocess]),
    ]
)
