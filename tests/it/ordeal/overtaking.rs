//! In one batch a message does not overtake another that takes longer to look at.

use chancery::digest::Digest;
use chancery::message::leaf::LeafKind;

use crate::support::Stage;
use crate::support::answers::{relay, signed};
use crate::support::caller::put_part;
use crate::support::craft::Craft;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_does_not_overtake_one_with_a_document_beside_it() {
    let mut stage = Stage::pair().await;
    let mut craft = Craft::new(&stage, "XA", "XB");
    for round in 0..8_u8 {
        let document = vec![round; 300 * 1024];
        let of_document = (Digest::of(&document), document.len() as u64);
        put_part(&stage, "XA", "XB", of_document, &document).await.unwrap();
        craft.parts = vec![vec![round], document];
        let slow = craft.signed(&stage);
        craft.parts.truncate(1);
        craft = craft.after(&slow);
        let quick = craft.signed(&stage);
        craft = craft.after(&quick);
        for answer in relay(&stage, &[&slow, &quick]).await {
            assert_eq!(signed(&answer).0, LeafKind::Received, "round {round}");
        }
    }
    stage.house_mut("XA").stop().await.unwrap();
}
