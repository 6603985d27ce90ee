//! Training from the command line (until `wavern train` calls the same function).
use wavern_torch::train::{Options, run};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let get = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1)).cloned();
    let audio = args[1] == "audio";
    let num = |name: &str, default: f64| get(name).map_or(default, |v| v.parse().expect("number"));
    if args[1] == "export" {
        let config = if args[2] == "audio" { wavern::network::ModelConfig::audio() } else { wavern::network::ModelConfig::image() };
        let saved = wavern_torch::params::read_checkpoint(args[3].as_ref()).expect("read");
        let params = saved.into_iter().filter_map(|(n, t)| Some((n.strip_prefix("average.")?.to_owned(), t))).collect();
        let bytes = wavern_torch::export::weight_file(&config, &params).expect("export");
        std::fs::write(&args[4], &bytes).expect("write");
        println!("{} bytes", bytes.len());
        return;
    }
    let options = Options {
        config: if audio { wavern::network::ModelConfig::audio() } else { wavern::network::ModelConfig::image() },
        data: get("--data").expect("--data").into(),
        validation: get("--valid").map(Into::into),
        out: get("--out").expect("--out").into(),
        init: get("--init").map(Into::into),
        resume: args.iter().any(|a| a == "--resume"),
        minutes: num("--minutes", 60.0),
        device: tch::Device::Cpu,
        batch: num("--batch", if audio { 16.0 } else { 8.0 }) as usize,
        crop: num("--crop", if audio { 128.0 } else { 256.0 }) as usize,
        rate: num("--rate", 1e-3),
        hard: num("--hard", 0.15),
        validate_every: num("--validate-every", 10.0),
        bf16: !args.iter().any(|a| a == "--float"),
        favour: get("--favour").map(|v| v.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        seed: num("--seed", 1.0) as u64,
    };
    tch::set_num_threads(num("--threads", 1.0) as i32);
    if let Err(error) = run(&options) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
