//! The client status service (CSDS): what every connected client has, for operators.
//!
//! It tells the names of all proxies and their resources, so a workload's identity never opens it:
//! only the token of an operator who may read does, whatever certificate comes with it.

use crate::envoy::ProxyId;
use crate::envoy::csds::{Wanted, encode};
use crate::serve::hub::Hub;
use crate::serve::identity::{Credentials, Identify, Identity, Unknown, parse_node_id};
use crate::serve::{Role, Security};
use crate::store::security::Scope;
use bytes::{Buf as _, BufMut as _};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use std::future::Ready;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{StreamingService, UnaryService};
use tonic::{Request, Response, Status, Streaming};

/// As much as clients of gRPC take unless they are told otherwise.
const LARGEST: usize = 4 << 20;
/// How often it is asked whether the peer of an open stream is an operator.
const LOOK: Duration = Duration::from_millis(500);

/// Knows operators by their tokens, and all others as before.
pub struct Operated {
    /// Who knows the others.
    pub others: Arc<dyn Identify>,
    /// The operators.
    pub operators: Arc<Security>,
}

impl Identify for Operated {
    fn identify(&self, credentials: &Credentials) -> Result<Identity, Unknown> {
        if let Some(token) = &credentials.token
            && let Some((name, known)) = self.operators.operator(token)
            && known.role.covers(Role::Read)
        {
            return Ok(Identity::Operator(name));
        }
        self.others.identify(credentials)
    }

    fn may_be(&self, identity: &Identity, mesh: &str, proxy: &ProxyId) -> bool {
        !matches!(identity, Identity::Operator(_)) && self.others.may_be(identity, mesh, proxy)
    }

    fn scope(&self, credentials: &Credentials) -> Option<Scope> {
        let (_, known) = self.operators.operator(credentials.token.as_ref()?)?;
        known.role.covers(Role::Read).then_some(known.scope)
    }

    fn until(&self, credentials: &Credentials) -> Option<SystemTime> {
        self.others.until(credentials)
    }
}

/// What is told to everybody else.
pub(super) fn for_operators() -> Status {
    Status::permission_denied(
        "the status of clients is for operators: send the token of one who may read",
    )
}

/// Answers for one peer.
#[derive(Clone)]
pub(super) struct ClientStatus {
    pub(super) hub: Hub,
    pub(super) identify: Arc<dyn Identify>,
    pub(super) credentials: Credentials,
}

impl ClientStatus {
    /// Whether the peer is an operator now.
    fn check(&self) -> Result<(), Status> {
        match self.identify.identify(&self.credentials) {
            Ok(Identity::Operator(_)) => Ok(()),
            Ok(_) => Err(for_operators()),
            Err(unknown) => Err(Status::unauthenticated(unknown.to_string())),
        }
    }

    /// Returns when the peer is no operator any more.
    async fn ended(&self) -> Status {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(status) = self.check() {
                return status;
            }
        }
    }

    /// Answers an operator: asked for every request, so that one who is removed sees nothing more.
    fn answer(&self, wanted: &Wanted) -> Result<Vec<u8>, Status> {
        self.check()?;
        let Some(scope) = self.identify.scope(&self.credentials) else {
            return Err(for_operators());
        };
        let seen = |node: &str| parse_node_id(node).is_some_and(|id| scope.has_mesh(&id.mesh));
        let bytes = encode(self.hub.clients(|node| wanted.is(node) && seen(node)));
        match bytes.len() <= LARGEST {
            true => Ok(bytes),
            false => Err(Status::resource_exhausted(
                "that is more than 4 MiB: ask for some clients only, by node_matchers",
            )),
        }
    }
}

impl UnaryService<Wanted> for ClientStatus {
    type Response = Vec<u8>;
    type Future = Ready<Result<Response<Vec<u8>>, Status>>;

    fn call(&mut self, request: Request<Wanted>) -> Self::Future {
        std::future::ready(self.answer(request.get_ref()).map(Response::new))
    }
}

impl StreamingService<Wanted> for ClientStatus {
    type Response = Vec<u8>;
    type ResponseStream = BoxStream<'static, Result<Vec<u8>, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Wanted>>) -> Self::Future {
        let state = Some((request.into_inner(), self.clone()));
        let answers = stream::unfold(state, async |state| {
            let (mut requests, status) = state?;
            tokio::select! {
                asked = requests.next() => {
                    let answer = asked?.and_then(|asked| status.answer(&asked));
                    Some((answer, Some((requests, status))))
                }
                ended = status.ended() => Some((Err(ended), None)),
            }
        });
        std::future::ready(Ok(Response::new(answers.boxed())))
    }
}

/// The messages of the service.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatusCodec;

impl Codec for StatusCodec {
    type Encode = Vec<u8>;
    type Decode = Wanted;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for StatusCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, bytes: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.reserve(bytes.len());
        to.put_slice(&bytes);
        Ok(())
    }
}

impl Decoder for StatusCodec {
    type Item = Wanted;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Wanted>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        let wanted = Wanted::decode(&bytes);
        wanted.map(Some).map_err(|why| Status::invalid_argument(why.to_string()))
    }
}
