//! Announcing: the bundle of our ministry goes before whatever is judged by it.
//!
//! A bundle enters when it is in force here; what leaves is one Announcement on each stream, before the next delivery.
//! The writer looks when there is room for the delivery and not when that was made, so that a gateway which knows whom
//! its ministry has revoked never hands a message to a peer that it has not told.

use tokio::sync::mpsc;

use super::session::Session;
use super::waiting::{hand_on, room};
use crate::digest::Digest;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Frame, Hello};
use crate::trust::bundle::SignedBundle;

/// What one stream has said of our ministry.
#[derive(Debug)]
pub(super) struct Told {
    /// Whether the peer takes announcements.
    hears: bool,
    /// Digest of the bundle that was shown last.
    last: Option<Digest>,
}

impl Told {
    /// Nothing so far, to whoever said this.
    pub(super) fn nothing(theirs: &Hello) -> Self {
        Self { hears: theirs.takes_announcements(), last: None }
    }

    /// The announcement of our bundle, once for each; none where the stream has said it.
    fn news(&mut self, own: &SignedBundle) -> Option<Frame> {
        let digest = Some(own.digest());
        if !self.hears || self.last == digest {
            return None;
        }
        self.last = digest;
        Some(Frame::Announcement(own.to_bytes()))
    }
}

impl Session<'_> {
    /// Shows the peer the bundle of our ministry that is in force, where this stream has not.
    pub(super) async fn show_bundle(
        &self,
        outgoing: &mpsc::Sender<Frame>,
        told: &mut Told,
    ) -> Result<(), Fault> {
        match self.untold(told)? {
            Some(announcement) => hand_on(outgoing, announcement).await,
            None => Ok(()),
        }
    }

    /// Hands on what the peer is to judge.
    pub(super) async fn hand_on_judged(
        &self,
        outgoing: &mpsc::Sender<Frame>,
        told: &mut Told,
        frame: Frame,
    ) -> Result<(), Fault> {
        hand_on_behind(outgoing, frame, || self.untold(told)).await
    }

    fn untold(&self, told: &mut Told) -> Result<Option<Frame>, Fault> {
        Ok(told.news(self.gateway.accreditation()?.own()))
    }
}

/// Hands a frame on as soon as nothing is to be told before it.
async fn hand_on_behind(
    outgoing: &mpsc::Sender<Frame>,
    frame: Frame,
    mut news: impl FnMut() -> Result<Option<Frame>, Fault>,
) -> Result<(), Fault> {
    loop {
        let room = room(outgoing).await?;
        match news()? {
            Some(before) => room.send(before),
            None => {
                room.send(frame);
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::gateway::frame::Window;
    use crate::time::Timestamp;
    use crate::trust::testing::TestMinistry;

    fn told(frames: u32) -> Told {
        Told::nothing(&Hello {
            ministry: TestMinistry::new("XB").ministry,
            time: Timestamp::from_seconds(0),
            logs: Vec::new(),
            mirrors: Vec::new(),
            window: Window::FULL,
            frames,
        })
    }

    fn deliveries() -> Frame {
        Frame::Deliveries(Vec::new())
    }

    #[test]
    fn a_bundle_is_told_once_and_to_nobody_who_does_not_take_it() {
        let (first, second) = (TestMinistry::new("XA").bundle(), TestMinistry::new("XA").bundle());
        let mut stream = told(Hello::FRAMES);
        let announced = |bundle: &SignedBundle| Some(Frame::Announcement(bundle.to_bytes()));
        assert_eq!(stream.news(&first), announced(&first));
        assert_eq!(stream.news(&first), None);
        assert_eq!(stream.news(&second), announced(&second));
        assert_eq!(told(8).news(&first), None);
    }

    /// Nobody has said that there is anything to announce: the delivery itself is what makes the writer look.
    #[tokio::test]
    async fn the_first_delivery_of_a_stream_goes_behind_the_bundle() {
        let bundle = TestMinistry::new("XA").bundle();
        let (outgoing, mut frames) = mpsc::channel(4);
        let mut stream = told(Hello::FRAMES);
        for _ in 0..2 {
            hand_on_behind(&outgoing, deliveries(), || Ok(stream.news(&bundle))).await.unwrap();
        }
        drop(outgoing);
        let mut came = Vec::new();
        while let Some(frame) = frames.recv().await {
            came.push(frame);
        }
        assert_eq!(came, [Frame::Announcement(bundle.to_bytes()), deliveries(), deliveries()]);
    }

    #[tokio::test]
    async fn a_delivery_that_waits_for_the_peer_goes_behind_a_bundle_that_came_meanwhile() {
        let (first, second) = (TestMinistry::new("XA").bundle(), TestMinistry::new("XA").bundle());
        let (outgoing, mut frames) = mpsc::channel(1);
        let mut stream = told(Hello::FRAMES);
        let _told = stream.news(&first);
        outgoing.send(deliveries()).await.unwrap();
        let in_force = std::sync::Mutex::new(first);
        {
            let mut handing = std::pin::pin!(hand_on_behind(&outgoing, deliveries(), || {
                Ok(stream.news(&in_force.lock().unwrap()))
            }));
            assert!(handing.as_mut().now_or_never().is_none(), "the peer reads nothing");
            *in_force.lock().unwrap() = second;
            assert_eq!(frames.recv().await, Some(deliveries()));
            assert!(handing.as_mut().now_or_never().is_none(), "there was room for one frame");
            let announced = Frame::Announcement(in_force.lock().unwrap().to_bytes());
            assert_eq!(frames.recv().await, Some(announced));
            handing.await.unwrap();
        }
        assert_eq!(frames.recv().await, Some(deliveries()));
    }
}
