//! Calls of gRPC as clients make them, and the applications that answer them.

use super::random_calls::{FIRST, NODES};
use super::random_http2;
use super::random_routes::address;
use super::raw_h2::application;
use meshctl::traffic::Request;

/// Starts the applications of all nodes that speak gRPC or HTTP/2. They live as long as the process.
pub(crate) fn applications(block: u8) {
    for node in 0..NODES {
        application((address(block, FIRST + node), 8000).into(), format!("m{node}"), true);
    }
    for node in 0..random_http2::NODES {
        let at = (address(block, random_http2::FIRST + node), 8000);
        application(at.into(), format!("k{node}"), false);
    }
}

/// The request as clients of gRPC send it.
pub(crate) fn call(request: &Request) -> Request {
    let mut call = request.clone();
    let own = [("content-type", "application/grpc"), ("te", "trailers")];
    let own = own.map(|(name, value)| (name.to_owned(), value.into()));
    let new = own.into_iter().filter(|(name, _)| call.headers.iter().all(|(own, _)| own != name));
    let new: Vec<_> = new.collect();
    call.headers.extend(new);
    call
}
