//! A response body of ready frames: nothing is copied, the length is known.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};

/// Frames that are sent one after another.
#[derive(Debug, Default)]
pub(super) struct Frames(VecDeque<Bytes>);

impl Frames {
    /// Of frames that are sent in this order; empty ones are left out.
    pub(super) fn new(frames: impl IntoIterator<Item = Bytes>) -> Self {
        Self(frames.into_iter().filter(|frame| !frame.is_empty()).collect())
    }

    pub(super) fn into_axum(self) -> axum::body::Body {
        axum::body::Body::new(self.map_err(|never| match never {}))
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|frame| Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|frame| frame.len() as u64).sum())
    }
}
