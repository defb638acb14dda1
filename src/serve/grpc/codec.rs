//! How requests stand in gRPC messages.

use crate::envoy::wire::{Outline, outline};
use crate::envoy::xds::{Protocol, Request};
use crate::serve::limits::Limits;
use crate::serve::session::Fault;
use bytes::Buf as _;
use tonic::Status;
use tonic::codec::{DecodeBuf, Decoder};

/// The requests of one form of xDS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Requests {
    protocol: Protocol,
    most: Outline,
}

impl Requests {
    pub(super) fn new(protocol: Protocol, limits: &Limits) -> Self {
        Self { protocol, most: Outline { names: limits.names, rest: limits.rest_bytes } }
    }
}

impl Decoder for Requests {
    type Item = Request;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Request>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        // Before anything is made of it.
        let Some(found) = outline(self.protocol, &bytes) else {
            return Err(Status::invalid_argument("the bytes are no xDS request"));
        };
        let limit = |what| Status::resource_exhausted(Fault::TooMuch(what).to_string());
        if found.names > self.most.names {
            return Err(limit("names"));
        }
        if found.rest > self.most.rest {
            return Err(limit("bytes beside names in a request"));
        }
        match Request::decode(self.protocol, &bytes) {
            Ok(request) => Ok(Some(request)),
            Err(garbled) => Err(Status::invalid_argument(garbled.to_string())),
        }
    }
}
