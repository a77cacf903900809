//! Compiles `proto/` into Rust with a compiler that is a crate: no system protoc is needed.

use std::{env, error::Error, fs, path::PathBuf};

#[path = "build/consultation.rs"]
mod consultation;
#[path = "build/desk.rs"]
mod desk;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build");
    let files = [
        "chancery/consultation/v1/agreement.proto",
        "chancery/consultation/v1/channel.proto",
        "chancery/consultation/v1/consultation.proto",
        "chancery/consultation/v1/correspondence.proto",
        "chancery/consultation/v1/custody.proto",
        "chancery/consultation/v1/exchange.proto",
        "chancery/consultation/v1/handover.proto",
        "chancery/consultation/v1/medical.proto",
        "chancery/consultation/v1/observer.proto",
        "chancery/consultation/v1/protection.proto",
        "chancery/consultation/v1/registry.proto",
        "chancery/consultation/v1/transfer.proto",
        "chancery/consultation/v1/vocabulary.proto",
        "chancery/consultation/v1/will.proto",
        "chancery/desk/v1/act.proto",
        "chancery/desk/v1/desk_service.proto",
        "chancery/desk/v1/draft.proto",
        "chancery/desk/v1/message.proto",
        "chancery/gateway/v1/mailbox_service.proto",
        "chancery/gateway/v1/operator_service.proto",
        "chancery/gateway/v1/relay_service.proto",
        "chancery/message/v1/administration.proto",
        "chancery/message/v1/dispatch.proto",
        "chancery/message/v1/envelope.proto",
        "chancery/message/v1/leaf.proto",
        "chancery/trust/v1/bundle.proto",
    ];
    let descriptors = protox::compile(files, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.binpb"), prost::Message::encode_to_vec(&descriptors))?;
    let written = consultation::write(&descriptors);
    fs::write(out.join("consultation_words.rs"), written.words)?;
    fs::write(out.join("consultation_meanings.rs"), written.meanings)?;
    fs::write(out.join("consultation_shapes.rs"), written.shapes)?;
    let written = desk::write(&descriptors);
    fs::write(out.join("desk_shapes.rs"), written.shapes)?;
    fs::write(out.join("desk_acts.rs"), written.acts)?;
    // Types know their names, by which `canonical::shapes` knows their bounds; services decode by them.
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .build_transport(false)
        .codec_path("crate::transport::codec::BoundedCodec")
        .compile_fds_with_config(descriptors, config)?;
    Ok(())
}
