//! Formats of access logs, read as the pinned Envoy reads them.

use crate::diag::nearest;

/// Operators that take neither an argument nor a length. The lists are the operators that the
/// pinned Envoy was found to take, each asked for by itself; a test asks again for all at once.
const PLAIN: &str = "
    ACCESS_LOG_TYPE BYTES_RECEIVED BYTES_RETRANSMITTED BYTES_SENT CONNECTION_ID
    CONNECTION_TERMINATION_DETAILS CUSTOM_FLAGS DOWNSTREAM_CX_RTT
    DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT
    DOWNSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_DIRECT_LOCAL_ADDRESS
    DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_DIRECT_LOCAL_PORT
    DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_PORT
    DOWNSTREAM_HANDSHAKE_DURATION DOWNSTREAM_HEADER_BYTES_RECEIVED
    DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_LOCAL_ADDRESS
    DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_LOCAL_CLOSE_REASON
    DOWNSTREAM_LOCAL_DNS_SAN DOWNSTREAM_LOCAL_EMAIL_SAN DOWNSTREAM_LOCAL_IP_SAN
    DOWNSTREAM_LOCAL_OTHERNAME_SAN DOWNSTREAM_LOCAL_PORT DOWNSTREAM_LOCAL_SUBJECT
    DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_PEER_CERT DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1
    DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256 DOWNSTREAM_PEER_CHAIN_SERIALS
    DOWNSTREAM_PEER_DNS_SAN DOWNSTREAM_PEER_EMAIL_SAN DOWNSTREAM_PEER_FINGERPRINT_1
    DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_IP_SAN DOWNSTREAM_PEER_ISSUER
    DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256 DOWNSTREAM_PEER_ISSUER_SERIAL
    DOWNSTREAM_PEER_OTHERNAME_SAN DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_SUBJECT
    DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_PORT
    DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_GROUP DOWNSTREAM_TLS_SESSION_ID
    DOWNSTREAM_TLS_VERSION DOWNSTREAM_TRANSPORT_FAILURE_REASON
    DOWNSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_WIRE_BYTES_SENT DURATION FILTER_CHAIN_NAME
    GRPC_STATUS_NUMBER HOSTNAME LISTENER_NAME LOCAL_REPLY_BODY PACKETS_RETRANSMITTED
    PROTOCOL REQUEST_DURATION REQUEST_HEADERS_BYTES REQUEST_TX_DURATION RESPONSE_CODE
    RESPONSE_DURATION RESPONSE_FLAGS RESPONSE_FLAGS_LONG RESPONSE_HEADERS_BYTES
    RESPONSE_TRAILERS_BYTES RESPONSE_TX_DURATION ROUNDTRIP_DURATION ROUTE_NAME
    ROUTE_RESOLUTION_COUNT ROUTE_RESOLUTION_TIME_US SPAN_ID STREAM_ID TLS_JA3_FINGERPRINT
    TLS_JA4_FINGERPRINT TRACE_ID UNIQUE_ID UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW
    UPSTREAM_CONNECTION_ID UPSTREAM_CONNECTION_IDS_ATTEMPTED
    UPSTREAM_CONNECTION_POOL_READY_DURATION UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED
    UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT UPSTREAM_DETECTED_CLOSE_TYPE
    UPSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT UPSTREAM_HOST
    UPSTREAM_HOSTS_ATTEMPTED UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME
    UPSTREAM_HOST_NAMES_ATTEMPTED UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT
    UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS UPSTREAM_LOCAL_CLOSE_REASON
    UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN UPSTREAM_LOCAL_PORT UPSTREAM_LOCAL_URI_SAN
    UPSTREAM_PEER_CERT UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN UPSTREAM_PEER_ISSUER
    UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_URI_SAN UPSTREAM_PROTOCOL UPSTREAM_REMOTE_ADDRESS
    UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_REMOTE_PORT UPSTREAM_REQUEST_ATTEMPT_COUNT
    UPSTREAM_SERVER_NAME UPSTREAM_TLS_CIPHER UPSTREAM_TLS_GROUP UPSTREAM_TLS_SESSION_ID
    UPSTREAM_TLS_VERSION UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_WIRE_BYTES_RECEIVED
    UPSTREAM_WIRE_BYTES_SENT VIRTUAL_CLUSTER_NAME";

/// Operators that need an argument and take a length.
const ARGUMENT: &str = "
    CEL COALESCE COMMON_DURATION DYNAMIC_METADATA ENVIRONMENT FILTER_STATE METADATA
    QUERY_PARAM REQ REQUEST_HEADER RESP RESPONSE_HEADER RESPONSE_TRAILER STREAM_INFO_REQ
    TRAILER UPSTREAM_FILTER_STATE XFCC_VALUE";

/// Operators that need an argument and take no length.
const ARGUMENT_ONLY: &str = "CLUSTER_METADATA UPSTREAM_METADATA";

/// Operators that take an argument or none, and a length.
const ANY: &str = "PATH QUERY_PARAMS";

/// Operators that take an argument or none, and no length.
const ANY_ONLY: &str = "
    DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT
    DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT
    DOWNSTREAM_PEER_CERT_V_END DOWNSTREAM_PEER_CERT_V_START
    DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT EMIT_TIME EMIT_TIME_LOCAL GRPC_STATUS
    REQUESTED_SERVER_NAME RESPONSE_CODE_DETAILS START_TIME START_TIME_LOCAL UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT
    UPSTREAM_PEER_CERT_V_END UPSTREAM_PEER_CERT_V_START UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT";

/// The lists with what they mean: an argument is needed (`Some(true)`), possible (`Some(false)`)
/// or wrong (`None`), and whether a length is possible.
const OPERATORS: [(&str, Option<bool>, bool); 5] = [
    (PLAIN, None, false),
    (ARGUMENT, Some(true), true),
    (ARGUMENT_ONLY, Some(true), false),
    (ANY, Some(false), true),
    (ANY_ONLY, Some(false), false),
];

/// What is wrong with a format.
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) help: String,
}

/// Everything in a format that Envoy would refuse.
pub(super) fn faults(text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            rest = after;
            continue;
        }
        match operator(rest) {
            Some((name, argument, length, after)) => {
                faults.extend(operator_fault(name, argument, length));
                rest = after;
            }
            None => {
                let shown: String = rest.chars().take(20).collect();
                faults.push(Fault {
                    message: format!("`%{shown}` starts no operator"),
                    help:
                        "write an operator as `%NAME%` or `%NAME(ARGUMENT)%`, and a per cent sign \
                           as `%%`"
                            .to_owned(),
                });
                // Whatever follows cannot be told from this one's rest.
                break;
            }
        }
    }
    faults
}

/// `NAME`, `NAME(ARGUMENT)` or either with `:LENGTH`, up to and with its closing `%`.
fn operator(text: &str) -> Option<(&str, Option<&str>, bool, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        .filter(|end| *end > 0)?;
    let (name, mut rest) = text.split_at(end);
    let mut argument = None;
    if let Some(inner) = rest.strip_prefix('(') {
        let close = inner.find(')')?;
        argument = Some(&inner[..close]);
        rest = &inner[close + 1..];
    }
    let mut length = false;
    if let Some(digits) = rest.strip_prefix(':') {
        let end = digits.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
        length = true;
        rest = &digits[end..];
    }
    rest.strip_prefix('%').map(|rest| (name, argument, length, rest))
}

fn operator_fault(name: &str, argument: Option<&str>, length: bool) -> Option<Fault> {
    let found = OPERATORS.iter().find(|(names, ..)| names.split_whitespace().any(|n| n == name));
    let Some((_, takes, takes_length)) = found else {
        let known = OPERATORS.iter().flat_map(|(names, ..)| names.split_whitespace());
        let help = match nearest(name, known) {
            Some(name) => format!("did you mean `%{name}%`?"),
            None => "Envoy's documentation lists the operators of access logs".to_owned(),
        };
        return Some(Fault { message: format!("`%{name}%` is no operator of Envoy"), help });
    };
    let argument = argument.filter(|argument| !argument.is_empty());
    let (what, help) = match (takes, argument) {
        (None, Some(_)) => ("takes no argument", format!("write `%{name}%`")),
        (Some(true), None) => ("needs an argument", format!("write `%{name}(…)%`")),
        _ if length && !takes_length => {
            ("takes no length", "leave the `:` and what follows out".to_owned())
        }
        _ => return None,
    };
    Some(Fault { message: format!("`%{name}%` {what}"), help })
}

/// Every operator as it may be written, except those whose argument has a form of its own.
pub(super) fn samples() -> Vec<String> {
    let special = ["CEL", "COALESCE", "COMMON_DURATION", "METADATA", "XFCC_VALUE"];
    let mut all = Vec::new();
    for (names, takes, length) in OPERATORS {
        for name in names.split_whitespace().filter(|name| !special.contains(name)) {
            let argument = if takes == Some(true) { "(a)" } else { "" };
            let length = if length { ":9" } else { "" };
            all.push(format!("%{name}{argument}{length}%"));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{faults, samples};

    fn messages(text: &str) -> Vec<String> {
        faults(text).into_iter().map(|fault| fault.message).collect()
    }

    #[test]
    fn what_envoy_takes_is_taken() {
        for text in [
            "",
            "plain",
            "100%% of %PROTOCOL%",
            "%REQ(:path):10%",
            "%REQ(a?b)% %RESP(c)%",
            "%START_TIME(%Y/%m/%dT%H:%M:%S%z)%",
            "%START_TIME%",
            "%DURATION%%BYTES_SENT%",
            "%COMMON_DURATION(a:b:ms)%",
            "%PATH(NQ)%",
            "%GRPC_STATUS(CAMEL_STRING)%",
        ] {
            assert!(faults(text).is_empty(), "{text}: {:?}", messages(text));
        }
        assert!(faults(&samples().join(" ")).is_empty());
    }

    #[test]
    fn what_envoy_refuses_is_named() {
        for (text, message) in [
            ("%NOPE%", "`%NOPE%` is no operator of Envoy"),
            ("%REQ%", "`%REQ%` needs an argument"),
            ("%REQ()%", "`%REQ%` needs an argument"),
            ("%RESPONSE_CODE(x)%", "`%RESPONSE_CODE%` takes no argument"),
            ("%RESPONSE_CODE:5%", "`%RESPONSE_CODE%` takes no length"),
            ("%START_TIME:5%", "`%START_TIME%` takes no length"),
            ("100% ok", "`% ok` starts no operator"),
            ("%", "`%` starts no operator"),
            ("%REQ(a", "`%REQ(a` starts no operator"),
            ("%REQ(a)", "`%REQ(a)` starts no operator"),
            ("%REQ(:path):x%", "`%REQ(:path):x%` starts no operator"),
            ("%response_code%", "`%response_code%` starts no operator"),
        ] {
            assert_eq!(messages(text), [message], "{text}");
        }
        assert_eq!(faults("%RESPONSE_COD%")[0].help, "did you mean `%RESPONSE_CODE%`?");
    }
}
