internal import LockstepCore
internal import NIOCore
internal import NIOSSL
internal import X509

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// Turns what NIO and BoringSSL throw into a `LinkError` in words. BoringSSL names its reasons only in texts.
struct TLSFailure {
    /// How the other side is called in the sentences: "it" in a log line that begins with an address, or an address.
    let peer: String
    let authority: [Certificate]

    /// - Parameter leaf: the certificate that the peer showed, if it came that far.
    func linkError(_ error: any Error, leaf: @autoclosure () -> NIOSSLCertificate?) -> LinkError {
        switch error {
        case let error as LinkError:
            return error
        case let error as RevokedCertificate:
            return .refused("\(peer) is not accepted any more: \(error.words)")
        case NIOSSLError.uncleanShutdown:
            return .closed("\(peer) ended the connection without saying so")
        case NIOSSLError.handshakeFailed(let failure):
            return words(failure, leaf: leaf)
        case let failure as BoringSSLError:
            return words(failure, leaf: leaf)
        case is ByteToMessageDecoderError.PayloadTooLargeError:
            return .violation("\(peer) sent more than one frame may hold")
        case let error as IOError:
            return .closed("the connection to \(peer) broke: \(TLSFailure.shown(error))")
        case let error as ChannelError where error == .eof || error == .inputClosed:
            return .closed("\(peer) closed the connection")
        default:
            return .closed("the connection to \(peer) broke: \("\(error)".escapedForDisplay(limit: 300))")
        }
    }

    /// The system's words for an error, without the call that met it.
    static func shown(_ error: IOError) -> String {
        String(cString: strerror(error.errnoCode)).escapedForDisplay(limit: 120)
    }

    private func words(_ failure: BoringSSLError, leaf: () -> NIOSSLCertificate?) -> LinkError {
        let text = "\(failure)"
        if let refusal = TLSFailure.alerts.first(where: { text.contains($0.key) }) {
            return .refused("\(peer) refused this side's certificate: \(refusal.words)")
        }
        for (key, words) in TLSFailure.reasons where text.contains(key) {
            return .violation("\(peer) \(words)")
        }
        if text.contains("PEER_DID_NOT_RETURN_A_CERTIFICATE") {
            return .refused("\(peer) showed no certificate")
        }
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            let diagnosis = PeerCertificate.diagnosis(of: leaf(), authority: authority, now: Date())
            return .refused("\(peer) is not accepted: \(diagnosis)")
        }
        if text.contains("EOF during handshake") {
            return .closed("\(peer) closed the connection during the TLS handshake")
        }
        return .violation("\(peer) does not keep to TLS: \(TLSFailure.reasonName(in: text))")
    }

    /// BoringSSL's own name for a reason, without the codes and source lines around it.
    private static func reasonName(in text: String) -> String {
        let marker = "OPENSSL_internal:"
        var rest = Substring(text)
        while !rest.isEmpty {
            if rest.hasPrefix(marker) {
                return String(rest.dropFirst(marker.count).prefix { $0 != " " }).escapedForDisplay(limit: 80)
            }
            rest = rest.dropFirst()
        }
        return text.escapedForDisplay(limit: 200)
    }

    /// Alerts by which the other side says that it does not accept our certificate.
    private static let alerts: [(key: String, words: String)] = [
        ("CERTIFICATE_REQUIRED", "none was shown"),
        ("ALERT_UNKNOWN_CA", "it was signed by another authority"),
        ("ALERT_CERTIFICATE_EXPIRED", "it has expired or is not valid yet; see `lockstep identity show`"),
        ("ALERT_CERTIFICATE_REVOKED", "it has been revoked"),
        ("ALERT_BAD_CERTIFICATE", "it is damaged or unfit"),
        ("ALERT_UNSUPPORTED_CERTIFICATE", "it is not fit for this use"),
        ("ALERT_CERTIFICATE_UNKNOWN", "it was not accepted"),
        ("ALERT_DECRYPT_ERROR", "its signature does not hold; another authority of the same name may have signed it"),
        ("ALERT_ACCESS_DENIED", "access was denied"),
    ]

    private static let reasons: [(key: String, words: String)] = [
        ("HTTPS_PROXY_REQUEST", "speaks plain HTTP, not TLS"),
        ("HTTP_REQUEST", "speaks plain HTTP, not TLS"),
        ("ALERT_PROTOCOL_VERSION", "does not speak TLS 1.3"),
        ("UNSUPPORTED_PROTOCOL", "does not speak TLS 1.3"),
        ("NO_SUPPORTED_VERSIONS_ENABLED", "does not speak TLS 1.3"),
        ("WRONG_VERSION_NUMBER", "does not speak TLS"),
        ("NO_APPLICATION_PROTOCOL", "does not speak \(TLSContexts.applicationProtocol)"),
    ]
}
