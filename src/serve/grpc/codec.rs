//! How requests and responses stand in gRPC messages: resources are copied from their shared bytes.

use crate::envoy::xds::{Protocol, Request, response_head};
use crate::serve::session::Response;
use bytes::{Buf as _, BufMut as _};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// The messages of one form of xDS.
#[derive(Clone, Copy, Debug)]
pub(super) struct XdsCodec(pub(super) Protocol);

impl Codec for XdsCodec {
    type Encode = Response;
    type Decode = Request;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for XdsCodec {
    type Item = Response;
    type Error = Status;

    fn encode(&mut self, response: Response, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let Response { type_url, nonce, version, resources, removed } = response;
        let head = response_head(self.0, &type_url, &version, &nonce, &removed);
        let bytes = resources.iter().map(|content| content.encoded.bytes(self.0));
        to.reserve(head.len() + bytes.clone().map(<[u8]>::len).sum::<usize>());
        to.put_slice(&head);
        bytes.for_each(|bytes| to.put_slice(bytes));
        Ok(())
    }
}

impl Decoder for XdsCodec {
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
