//! How requests stand in gRPC messages.

use crate::envoy::xds::{Protocol, Request};
use bytes::Buf as _;
use tonic::Status;
use tonic::codec::{DecodeBuf, Decoder};

/// The requests of one form of xDS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Requests(pub(super) Protocol);

impl Decoder for Requests {
    type Item = Request;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Request>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        match Request::decode(self.0, &bytes) {
            Ok(request) => Ok(Some(request)),
            Err(garbled) => Err(Status::invalid_argument(garbled.to_string())),
        }
    }
}
