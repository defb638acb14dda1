//! What Envoy does with headers before it tries a route, by name: one table, measured on Envoy 1.40
//! by sending each name once, twice, by HTTP/1 and by HTTP/2 (`tests/it/live_arrival.rs`
//! compares the table with Envoy again).

/// What becomes of a header on its way to the conditions of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It is matched as it was sent; of a repeated header each value by itself.
    AsSent,
    /// A repeated header becomes one value, joined with `,`.
    Joined,
    /// `cookie`: joined with `; ` on HTTP/2, matched value by value on HTTP/1.
    Cookie,
    /// `referer`: joined with `,`, and removed unless it is a URL without user and fragment.
    Referer,
    /// It is removed.
    Removed,
    /// The proxy sets, changes or interprets it, so what was sent does not say what is matched.
    Proxys,
}

/// Every name that Envoy does not treat as [`Treatment::AsSent`]; `x-envoy-…` and names that begin
/// with a colon are the proxy's own too.
pub const TABLE: [(&str, Treatment); 39] = [
    ("accept", Treatment::Joined),
    ("accept-encoding", Treatment::Joined),
    ("access-control-request-headers", Treatment::Joined),
    ("access-control-request-method", Treatment::Joined),
    ("authorization", Treatment::Joined),
    ("cache-control", Treatment::Joined),
    ("cdn-loop", Treatment::Joined),
    ("connection", Treatment::Proxys),
    ("content-encoding", Treatment::Joined),
    ("content-length", Treatment::Proxys),
    ("content-type", Treatment::Joined),
    ("cookie", Treatment::Cookie),
    ("expect", Treatment::Proxys),
    ("grpc-accept-encoding", Treatment::Joined),
    ("grpc-timeout", Treatment::Joined),
    ("host", Treatment::Proxys),
    ("if-match", Treatment::Joined),
    ("if-modified-since", Treatment::Joined),
    ("if-none-match", Treatment::Joined),
    ("if-range", Treatment::Joined),
    ("if-unmodified-since", Treatment::Joined),
    ("keep-alive", Treatment::Removed),
    ("origin", Treatment::Joined),
    ("pragma", Treatment::Joined),
    ("proxy-connection", Treatment::Removed),
    ("proxy-status", Treatment::Joined),
    ("referer", Treatment::Referer),
    ("te", Treatment::Proxys),
    ("transfer-encoding", Treatment::Proxys),
    ("upgrade", Treatment::Proxys),
    ("user-agent", Treatment::Joined),
    ("via", Treatment::Joined),
    ("x-client-trace-id", Treatment::Joined),
    ("x-forwarded-client-cert", Treatment::Proxys),
    ("x-forwarded-for", Treatment::Proxys),
    ("x-forwarded-host", Treatment::Joined),
    ("x-forwarded-port", Treatment::Joined),
    ("x-forwarded-proto", Treatment::Proxys),
    ("x-request-id", Treatment::Proxys),
];

/// What becomes of a header of this name.
pub fn treatment(name: &str) -> Treatment {
    let name = name.to_ascii_lowercase();
    if name.starts_with("x-envoy-") || name.starts_with(':') {
        return Treatment::Proxys;
    }
    let found = TABLE.iter().find(|(own, _)| *own == name);
    found.map_or(Treatment::AsSent, |(_, treatment)| *treatment)
}

impl Treatment {
    /// Whether conditions look at each value of a repeated header by itself, on some codec.
    pub fn repeats(self) -> bool {
        matches!(self, Self::AsSent | Self::Cookie | Self::Proxys)
    }
}

/// The values of `referer` that Envoy keeps, as an RE2 expression for the whole value: a URL with a
/// host and without user and fragment, or a relative reference whose first segment has no colon.
pub const REFERERS: &str = "[A-Za-z][A-Za-z0-9+.-]*://\
     (?:[A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._~-]+)?\\])\
     (?::0*(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?\
     (?:/[!\"$->@-~]*)?(?:\\?[!\"$-~]*)?\
     |[!$%&'()*+,.0-9;=?@A-Z_a-z~-]*(?:/[!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*)?";
