// swift-tools-version: 6.2
import PackageDescription

/// Settings of every target: Swift's strictest checks, with warnings as errors.
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

/// libzmq and SDL have no pkg-config name here: their pkg-config files name flags that SwiftPM refuses.
func system(_ name: String, pkgConfig: String?, apt: String...) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt(apt)])
}

let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")

/// Dependencies of tests that run the programs.
let programs: [Target.Dependency] = [
    "secam", "secam-gateway", "secam-capture", "secam-encode", "secam-motion", "secam-archive", "secam-view",
]

let package = Package(
    name: "secam",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
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
        system("CQRencode", pkgConfig: "libqrencode", apt: "libqrencode-dev"),
        system("CSDL", pkgConfig: nil, apt: "libsdl2-dev"),
        system("CSodium", pkgConfig: nil, apt: "libsodium-dev"),
        system("CZeroMQ", pkgConfig: nil, apt: "libzmq3-dev", "libsodium-dev"),
        // Leaves: no module of ours, or only base types.
        library("SecamBase", ["CLinux", deque]),
        library("SecamWire"),
        // Generates messages, codecs, tables and grammar from proto-spec/schema.json: `swift run secam-protocol`.
        library("SecamProtocol"),
        library("SecamCrypto", ["COpenSSL"]),
        library("SecamTLS", ["SecamBase", "SecamCrypto", "COpenSSL", nioCore]),
        library("SecamPicture", ["SecamWire"]),
        library("SecamSharedMemory", ["SecamBase", "SecamWire", "CLinux"]),
        library("SecamMotionDetector"),
        library("SecamJPEG", ["SecamPicture", "SecamWire", "CTurboJPEG"]),
        library("SecamV4L2", ["SecamWire", "CV4L2"]),
        library("SecamMedia", ["SecamBase", "SecamPicture", "SecamWire", "CAVFormat"]),

        // Shared by all services: process life cycle, mesh membership, metrics.
        library(
            "SecamProcess",
            [
                "SecamBase", "SecamWire", "CLinux",
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"), arguments, lifecycle, log,
            ]),
        library(
            "SecamMesh", ["SecamBase", "SecamProcess", "SecamWire", "CZeroMQ", deque, lifecycle, log]),
        library(
            "SecamMetrics",
            ["SecamBase", "SecamMesh", "SecamProcess", "SecamWire", lifecycle, log, nioCore, nioHTTP, nioPosix]),

        // Domain logic that more than one program uses.
        library("SecamRegistry", ["SecamBase", "SecamMesh", "SecamWire"]),
        library("SecamPolicy", ["SecamBase", "SecamWire", .product(name: "Yams", package: "Yams")]),
        library("SecamUsers", ["SecamBase", "SecamCrypto", "SecamWire", "CQRencode", log, grdb]),
        // The page's files as constants, and HTTP on the viewers' port.
        .target(name: "CWebPage"),
        .target(
            name: "SecamWeb",
            dependencies: [
                "CWebPage", "SecamBase", "SecamCrypto", "SecamProcess", "SecamTLS", "SecamUsers", "SecamWire", nioCore,
                nioHTTP,
            ],
            exclude: ["Page"], swiftSettings: strict),
        library(
            "SecamRecording",
            ["SecamBase", "SecamCrypto", "SecamJPEG", "SecamMedia", "SecamWire", log, grdb],
            exclude: ["README.md"]),

        // Services and the client.
        library(
            "SecamCapture",
            [
                "SecamBase", "SecamMedia", "SecamMesh", "SecamMetrics", "SecamPicture", "SecamProcess",
                "SecamSharedMemory", "SecamV4L2", "SecamWire", "CSodium", arguments, deque, lifecycle, log,
            ]),
        library(
            "SecamEncode",
            [
                "SecamBase", "SecamJPEG", "SecamMesh", "SecamMetrics", "SecamPicture", "SecamProcess",
                "SecamSharedMemory", "SecamWire", arguments, lifecycle, log,
            ]),
        library(
            "SecamMotion",
            [
                "SecamBase", "SecamMesh", "SecamMetrics", "SecamMotionDetector", "SecamProcess", "SecamWire", arguments,
                lifecycle, log,
            ]),
        library(
            "SecamArchive",
            [
                "SecamBase", "SecamMesh", "SecamMetrics", "SecamProcess", "SecamRecording", "SecamWire", arguments,
                lifecycle, log,
            ]),
        library(
            "SecamHooks",
            [
                "SecamBase", "SecamCrypto", "SecamPolicy", "SecamProcess", "SecamWire", "CCurl", log, subprocess,
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        library(
            "SecamGateway",
            [
                "SecamBase", "SecamCrypto", "SecamHooks", "SecamMesh", "SecamMetrics", "SecamPolicy", "SecamProcess",
                "SecamRegistry", "SecamTLS", "SecamUsers", "SecamWeb", "SecamWire", arguments, deque, lifecycle, log,
                nioCore, nioPosix,
            ]),
        library(
            "SecamClient",
            [
                "SecamBase", "SecamJPEG", "SecamMedia", "SecamPicture", "SecamProcess", "SecamTLS", "SecamWire", "CSDL",
                arguments, nioCore, nioPosix,
            ]),

        // `secam`: runs a set, manages keys and users, measures.
        library(
            "SecamControl",
            [
                "SecamBase", "SecamCrypto", "SecamJPEG", "SecamMedia", "SecamMesh", "SecamMetrics",
                "SecamMotionDetector", "SecamPicture", "SecamPolicy", "SecamProcess", "SecamRecording", "SecamRegistry",
                "SecamTLS", "SecamUsers", "SecamV4L2", "SecamWire", arguments, lifecycle, log, subprocess,
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        library(
            "SecamBench",
            [
                "SecamBase", "SecamControl", "SecamJPEG", "SecamMesh", "SecamMotionDetector", "SecamProcess",
                "SecamRecording", "SecamRegistry", "SecamTLS", "SecamWire", arguments, lifecycle, log, nioCore,
                nioPosix,
                subprocess, grdb,
            ]),

        // Programs: each parses its command line and calls its library.
        program("secam-protocol", ["SecamProtocol"]),
        program("secam", ["SecamBase", "SecamBench", "SecamControl", "SecamMesh", "SecamProcess", arguments]),
        program("secam-gateway", ["SecamGateway", arguments]),
        program("secam-capture", ["SecamCapture", arguments]),
        program("secam-encode", ["SecamEncode", arguments]),
        program("secam-motion", ["SecamMotion", arguments]),
        program("secam-archive", ["SecamArchive", arguments]),
        program("secam-view", ["SecamClient", "SecamProcess", arguments]),

        library(
            "SecamTestSupport", ["SecamBase", "SecamMesh", "SecamRegistry", "SecamWire", "CLinux", log, nioCore]),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "SecamTestSupport", "SecamBase", "SecamJPEG", "SecamMesh", "SecamPicture", "SecamRegistry", "SecamTLS",
                "SecamWire", nioCore, nioPosix,
            ] + programs,
            exclude: ["pages", "webcams.sh"], swiftSettings: strict),
        .testTarget(
            name: "FaultTests",
            dependencies: [
                "SecamBase", "SecamMesh", "SecamRecording", "SecamRegistry", "SecamTestSupport", "SecamWire", log,
            ]
                + programs,
            exclude: ["power-cut.sh"], swiftSettings: strict),
        tests("SecamBaseTests", ["SecamBase", "SecamTestSupport"]),
        tests("SecamWireTests", ["SecamProtocol", "SecamTestSupport", "SecamWire"]),
        tests("SecamSharedMemoryTests", ["CLinux", "SecamBase", "SecamSharedMemory", "SecamTestSupport", "SecamWire"]),
        tests("SecamCryptoTests", ["COpenSSL", "SecamBase", "SecamCrypto", "SecamTLS"]),
        tests(
            "SecamTLSTests",
            [
                "SecamTestSupport", "SecamTLS", nioCore, nioEmbedded, nioPosix,
                subprocess,
            ]),
        tests("SecamPictureTests", ["SecamPicture", "SecamTestSupport", "SecamWire"]),
        tests("SecamMotionDetectorTests", ["SecamMotionDetector"]),
        tests("SecamMotionTests", ["SecamMesh", "SecamMotion", "SecamTestSupport", "SecamWire"]),
        tests("SecamJPEGTests", ["SecamJPEG", "SecamPicture", "SecamTestSupport", "SecamWire"]),
        tests("SecamV4L2Tests", ["SecamV4L2", "SecamWire"]),
        tests("SecamMediaTests", ["SecamMedia", "SecamTestSupport", "SecamWire"]),
        tests("SecamProcessTests", ["SecamBase", "SecamProcess", "SecamTestSupport", "SecamWire", arguments, log]),
        tests(
            "SecamMeshTests",
            [
                "SecamBase", "SecamMesh", "SecamProcess", "SecamTestSupport", "SecamWire", "CSodium", "CZeroMQ",
                lifecycle,
            ]),
        tests(
            "SecamMetricsTests",
            ["SecamMetrics", "SecamProcess", "SecamTestSupport", "SecamWire", lifecycle]),
        tests("SecamRegistryTests", ["SecamBase", "SecamMesh", "SecamRegistry", "SecamTestSupport", "SecamWire"]),
        tests("SecamPolicyTests", ["SecamPolicy", "SecamTestSupport", "SecamWire"]),
        tests(
            "SecamUsersTests",
            ["SecamBase", "SecamProcess", "SecamTestSupport", "SecamUsers", "SecamWire", grdb, log]),
        tests(
            "SecamHooksTests",
            [
                "SecamBase", "SecamCrypto", "SecamHooks", "SecamPolicy", "SecamProcess", "SecamTestSupport",
                "SecamWire", log, nioCore, nioPosix,
            ]),
        tests(
            "SecamRecordingTests",
            [
                "SecamPicture", "SecamBase", "SecamJPEG", "SecamMedia", "SecamRecording", "SecamTestSupport",
                "SecamWire",
                grdb, log,
            ]),
        tests(
            "SecamCaptureTests",
            [
                "SecamRegistry", "SecamBase", "SecamCapture", "SecamMedia", "SecamMesh", "SecamPicture", "SecamProcess",
                "SecamSharedMemory", "SecamTestSupport", "SecamWire", lifecycle, log,
            ]),
        tests(
            "SecamEncodeTests",
            [
                "CLinux", "SecamBase", "SecamEncode", "SecamJPEG", "SecamMesh", "SecamPicture", "SecamSharedMemory",
                "SecamTestSupport", "SecamWire",
            ]),
        tests(
            "SecamArchiveTests",
            [
                "SecamArchive", "SecamBase", "SecamJPEG", "SecamMesh", "SecamRecording",
                "SecamTestSupport", "SecamWire", log,
            ]),
        tests(
            "SecamGatewayTests",
            [
                "SecamBase", "SecamCrypto", "SecamGateway", "SecamMesh", "SecamPolicy", "SecamRegistry",
                "SecamTestSupport", "SecamTLS", "SecamUsers", "SecamWeb", "SecamWire", log, nioCore, nioEmbedded,
                nioPosix,
            ]),
        tests("SecamWebTests", ["SecamTestSupport", "SecamWeb", nioCore, nioHTTP]),
        tests(
            "SecamClientTests",
            [
                "SecamBase", "SecamClient", "SecamProcess", "SecamTestSupport", "SecamTLS", "SecamWire", arguments,
                nioCore, nioPosix,
            ]),
        tests(
            "SecamControlTests",
            [
                "SecamControl", "SecamJPEG", "SecamMedia", "SecamMotionDetector", "SecamTestSupport", "SecamWire", log,
                subprocess,
            ]),
        tests("SecamBenchTests", ["SecamBase", "SecamBench", "SecamJPEG", "SecamWire", nioCore]),
    ]
)
