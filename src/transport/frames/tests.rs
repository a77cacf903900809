//! Floods are cut by the frame, honest traffic never is, however the bytes are cut into pieces.

use super::*;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
    let [_, high, middle, low] = u32::try_from(length).unwrap().to_be_bytes();
    let mut frame = vec![high, middle, low, kind, flags, 0, 0, 0, 1];
    frame.resize(HEAD_BYTES + length, 0xff);
    frame
}

fn begun(bounds: FrameBounds, now: Instant) -> FrameMeter {
    let mut meter = FrameMeter::new(Side::Caller, bounds, now);
    meter.read(&[0; PREFACE_BYTES], now).unwrap();
    meter
}

/// How many of a frame pass at one instant.
fn passing(bytes: &[u8]) -> u64 {
    let now = Instant::now();
    let mut meter = begun(FrameBounds::default(), now);
    (0..).find(|_| meter.read(bytes, now).is_err()).unwrap()
}

#[test]
fn frames_that_carry_nothing_are_cut_after_their_burst_and_named() {
    for (kind, flags, length, name) in [
        (DATA, 0, 0, "empty DATA"),
        (DATA, Head::PADDED, 200, "padded DATA"),
        (2, 0, 5, "PRIORITY"),
        (3, 0, 4, "RST_STREAM"),
        (4, 0, 0, "SETTINGS"),
        (4, 0, 6, "SETTINGS"),
        (PING, 0, 8, "PING"),
        (PING, 1, 8, "PING"),
        (WINDOW_UPDATE, 0, 4, "WINDOW_UPDATE"),
        (9, 0, 100, "CONTINUATION"),
        (0xbe, 0, 3, "unknown"),
    ] {
        let (now, bytes) = (Instant::now(), frame(kind, flags, length));
        assert_eq!(passing(&bytes), limits::CONTROL_FRAMES_BURST, "{name}");
        let mut meter = begun(FrameBounds { control_burst: 0, ..FrameBounds::default() }, now);
        assert_eq!(meter.read(&bytes, now), Err(Flood(name)));
    }
}

#[test]
fn frames_of_calls_pass_until_there_are_far_too_many() {
    for (kind, flags, length) in [(DATA, 0, 1), (DATA, Head::END_STREAM, 0), (HEADERS, 4, 60)] {
        assert_eq!(passing(&frame(kind, flags, length)), limits::FRAMES_BURST);
    }
}

#[test]
fn a_slow_stream_of_any_frame_goes_on_for_ever() {
    let mut now = Instant::now();
    let mut meter = begun(FrameBounds::default(), now);
    let pause = Duration::from_secs(1) / u32::try_from(limits::CONTROL_FRAMES_PER_SECOND).unwrap();
    for _ in 0..4 * limits::CONTROL_FRAMES_BURST {
        now += pause + Duration::from_micros(1);
        meter.read(&frame(PING, 0, 8), now).unwrap();
    }
}

#[test]
fn what_comes_back_per_second_and_for_bytes_written_is_what_the_limits_say() {
    let now = Instant::now();
    let (ping, data) = (frame(PING, 0, 8), frame(DATA, 0, 1));
    // Where one may come at once, the next may when its time has passed.
    let second = |count: u64| now + Duration::from_secs(1) / u32::try_from(count).unwrap();
    for (bytes, count) in [(&ping, limits::CONTROL_FRAMES_PER_SECOND), (&data, limits::FRAMES_PER_SECOND)] {
        let bounds = FrameBounds { control_burst: 1, frames_burst: 1, ..FrameBounds::default() };
        let mut meter = begun(bounds, now);
        meter.read(bytes, now).unwrap();
        assert!(meter.read(bytes, second(count) - Duration::from_micros(2)).is_err(), "{count}");
        assert!(meter.read(bytes, second(count) + Duration::from_micros(2)).is_ok(), "{count}");
    }
    let mut earning = begun(FrameBounds { control_burst: 1, ..FrameBounds::default() }, now);
    earning.read(&ping, now).unwrap();
    earning.wrote(usize::try_from(limits::BYTES_PER_CONTROL_FRAME).unwrap() - 1);
    assert_eq!(earning.read(&ping, now), Err(Flood("PING")));
    earning.wrote(1);
    assert_eq!(earning.read(&ping, now), Ok(Duration::ZERO));
}

#[test]
fn bytes_wait_once_the_bound_of_a_connection_is_reached() {
    let now = Instant::now();
    let mut meter = begun(FrameBounds::default(), now);
    let left = limits::CONNECTION_BYTES_BURST - PREFACE_BYTES as u64;
    // The bucket alone: nobody wants to count two GiB of frames for this.
    assert_eq!(meter.bytes.owe(left, now), Duration::ZERO);
    let wait = meter.bytes.owe(limits::CONNECTION_BYTES_PER_SECOND, now);
    assert_eq!(wait, Duration::from_secs(1));
}

#[test]
fn a_download_earns_the_window_updates_that_it_takes() {
    // One GiB in an instant, as a client with the smallest windows takes it: one update for the stream and
    // one for the connection with every full frame.
    let now = Instant::now();
    let mut meter = begun(FrameBounds::default(), now);
    for _ in 0..1024 * 1024 / 16 {
        meter.wrote(16 * 1024);
        meter.read(&frame(WINDOW_UPDATE, 0, 4).repeat(2), now).unwrap();
    }
    // What was earned is not saved up beyond the burst.
    let more = (0..).find(|_| meter.read(&frame(WINDOW_UPDATE, 0, 4), now).is_err()).unwrap();
    assert!(more <= limits::CONTROL_FRAMES_BURST);
}

#[test]
fn an_upload_of_a_gib_in_small_pieces_and_ten_thousand_calls_at_once_pass() {
    let now = Instant::now();
    let mut meter = begun(FrameBounds { bytes_burst: u64::MAX, ..FrameBounds::default() }, now);
    for _ in 0..1024 * 1024 / 16 {
        meter.read(&frame(DATA, 0, 16 * 1024), now).unwrap();
    }
    let call = [frame(HEADERS, 4, 40), frame(DATA, 0, 2048), frame(DATA, Head::END_STREAM, 0)].concat();
    for _ in 0..10_000 {
        meter.read(&call, now).unwrap();
    }
}

#[test]
fn frames_are_counted_alike_however_the_bytes_are_cut() {
    let bounds = FrameBounds { control_burst: 7, ..FrameBounds::default() };
    let stream: Vec<u8> = [
        vec![0; PREFACE_BYTES],
        [frame(HEADERS, 4, 13), frame(PING, 0, 8), frame(DATA, 0, 300), frame(DATA, 0, 0)].concat().repeat(9),
    ]
    .concat();
    let now = Instant::now();
    for piece in [1, 2, 3, 7, 8, 9, 10, 64, stream.len()] {
        let mut meter = FrameMeter::new(Side::Caller, bounds, now);
        let mut ends = stream.chunks(piece).map(|bytes| meter.read(bytes, now));
        // The eighth frame that carries nothing is an empty one.
        assert_eq!(ends.find_map(Result::err), Some(Flood("empty DATA")), "{piece}");
    }
}

#[test]
fn a_connection_has_begun_with_the_head_of_its_first_frame() {
    let now = Instant::now();
    let mut meter = FrameMeter::new(Side::Caller, FrameBounds::default(), now);
    meter.read(&[0; PREFACE_BYTES + HEAD_BYTES - 1], now).unwrap();
    assert!(!meter.begun());
    meter.read(&[0], now).unwrap();
    assert!(meter.begun());
}

#[test]
fn bytes_beyond_their_bound_are_read_later_and_not_refused() {
    let mut now = Instant::now();
    let bounds = FrameBounds { bytes_burst: 1000, bytes_per_second: 1000, ..FrameBounds::default() };
    let mut meter = begun(bounds, now);
    assert_eq!(meter.read(&[0; 976], now), Ok(Duration::ZERO));
    assert_eq!(meter.read(&[0; 500], now), Ok(Duration::from_millis(500)));
    now += Duration::from_millis(500);
    assert_eq!(meter.read(&[0; 1], now), Ok(Duration::from_millis(1)));
    now += Duration::from_secs(3600);
    assert_eq!(meter.read(&[0; 1000], now), Ok(Duration::ZERO));
}

#[test]
fn the_side_that_was_dialled_is_counted_from_its_first_byte() {
    let now = Instant::now();
    let bounds = FrameBounds { control_burst: 2, ..FrameBounds::default() };
    let mut meter = FrameMeter::new(Side::Callee, bounds, now);
    meter.read(&frame(4, 0, 18), now).unwrap();
    assert!(meter.begun());
    meter.read(&frame(PING, 0, 8), now).unwrap();
    assert_eq!(meter.read(&frame(PING, 0, 8), now), Err(Flood("PING")));
}
