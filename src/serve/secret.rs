//! Secrets that the server makes, and what it keeps of them.

use sha2::{Digest, Sha256};
use std::io;

/// What every token begins with, so that a leaked one is recognised.
pub(super) const PREFIX: &str = "meshctl_";

/// So many random bytes.
pub(super) fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut random = [0; N];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut random)
        .map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(random)
}

/// So many random bytes, in hex.
pub(super) fn random<const N: usize>() -> io::Result<String> {
    Ok(hex(&bytes::<N>()?))
}

/// The SHA-256 of a secret, in hex.
pub(super) fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// Bytes in hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
