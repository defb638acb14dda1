//! Names: validated newtypes, so that a node's name cannot be passed for a router's.

use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::fmt;

/// Longest name of a mesh, node, router, gateway or route, in characters.
pub(super) const NAME_MAX: usize = 128;
/// Longest name of a virtual service, as DNS has it.
pub(super) const SERVICE_NAME_MAX: usize = 253;
/// Longest label of a DNS name.
pub(super) const LABEL_MAX: usize = 63;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident => $check:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps a name; the error says what is wrong with it.
            pub fn new(text: impl Into<String>) -> Result<Self, String> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// The name of a mesh.
    MeshName => plain;
    /// The name of a virtual node.
    NodeName => plain;
    /// The name of a virtual router.
    RouterName => plain;
    /// The name of a route of a virtual router, or of a gateway route.
    RouteName => plain;
    /// The name of a virtual gateway.
    GatewayName => plain;
    /// The name of a virtual service: a DNS name.
    ServiceName => dns;
}

fn plain(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("a name must not be empty".into());
    }
    if text.chars().count() > NAME_MAX {
        return Err(format!("a name has at most {NAME_MAX} characters"));
    }
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '-' || *c == '_')) {
        Some(c) => Err(format!("a name has only letters, digits, `-` and `_`, not {c:?}")),
        None => Ok(()),
    }
}

fn dns(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("the name of a virtual service must not be empty".into());
    }
    if text.len() > SERVICE_NAME_MAX {
        return Err(format!("a DNS name has at most {SERVICE_NAME_MAX} characters"));
    }
    for label in text.split('.') {
        if label.is_empty() {
            return Err("a DNS name has no empty part between its dots".into());
        }
        if label.len() > LABEL_MAX {
            return Err(format!("a part of a DNS name has at most {LABEL_MAX} characters"));
        }
        if let Some(c) =
            label.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '-' || *c == '_'))
        {
            return Err(format!(
                "a DNS name has only letters, digits, `-`, `_` and dots, not {c:?}"
            ));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err("a part of a DNS name does not start or end with `-`".into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_at_their_limits() {
        assert!(NodeName::new("a".repeat(NAME_MAX)).is_ok());
        assert!(NodeName::new("a".repeat(NAME_MAX + 1)).is_err());
        assert!(NodeName::new("").is_err());
        assert!(NodeName::new("a/b").is_err());
        assert!(NodeName::new("a.b").is_err());
        assert!(ServiceName::new("cart.shop.internal").is_ok());
        assert!(ServiceName::new("a..b").is_err());
        assert!(ServiceName::new("-a.b").is_err());
        assert!(ServiceName::new("a_b").is_ok());
        assert!(ServiceName::new("a".repeat(64)).is_err());
    }
}
