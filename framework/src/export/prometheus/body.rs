//! A response body of ready frames, of which nothing is copied, and a rest that is made when its turn comes.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};

use super::page::{Page, Rest};

/// Frames that are sent one after another, then the rest. Without a rest the length is known.
pub(super) struct Frames {
    ready: VecDeque<Bytes>,
    rest: Option<Rest>,
}

impl Frames {
    /// Of frames that are sent in this order; empty ones are left out.
    pub(super) fn new(page: Page) -> Self {
        Self { ready: page.frames.into_iter().filter(|frame| !frame.is_empty()).collect(), rest: page.rest }
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
        let next = self.ready.pop_front().or_else(|| self.rest.take().map(|rest| rest()));
        Poll::Ready(next.map(|frame| Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_empty() && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let ready = self.ready.iter().map(|frame| frame.len() as u64).sum();
        if self.rest.is_none() {
            return SizeHint::with_exact(ready);
        }
        let mut hint = SizeHint::new();
        hint.set_lower(ready);
        hint
    }
}
