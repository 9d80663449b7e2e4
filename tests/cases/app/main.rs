//! Takes the place of an app's src/main.rs. The variable MODE says what it does.

mod python;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context, Result, bail};
use pyo3::prelude::*;

fn main() {
    let mode = env::var("MODE").unwrap_or_default();
    match mode.as_str() {
        "tokio" => python::finish(serve),
        mode => python::finish(|| run(mode)),
    }
}

fn run(mode: &str) -> Result<()> {
    static INTERRUPTED: AtomicBool = AtomicBool::new(false);
    match mode {
        "early" => bail!("no luck"),
        "handler" => ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))?,
        _ => {}
    }
    match mode {
        "thread" => thread::spawn(|| python::start(|| {})).join().unwrap()?,
        _ => python::start(|| {})?,
    }
    if env::var_os("IMPORT_SIGNAL").is_some() {
        Python::attach(|py| py.import("signal").map(drop))?;
    }
    match mode {
        "error" | "panic" | "raise" | "threads" | "thread" => {
            execute(c"import atexit, threading; atexit.register(print, 'at exit'); print('main')")?;
        }
        "" => {}
        _ => println!("ready"),
    }
    let later = Instant::now() + Duration::from_secs(2);
    match mode {
        "" => Python::attach(|py| py.import("case")?.call_method0("main").map(drop))?,
        "error" => Err(std::fmt::Error).context("no luck")?,
        "panic" => panic!("no luck"),
        "thread" => {}
        "raise" => execute(c"raise LookupError('no luck')").context("looking up")?,
        "threads" => {
            for _ in 0..4 {
                thread::spawn(|| loop { execute(c"import case; case.__doc__").unwrap(); });
            }
            thread::sleep(Duration::from_millis(30));
            execute(c"raise SystemExit(7)")?;
        }
        "busy" => while Instant::now() < later {},
        "attached" => Python::attach(|_| while Instant::now() < later {}),
        "checked" => loop { Python::attach(|py| py.check_signals())?; },
        "handler" => {
            while !INTERRUPTED.load(Ordering::Relaxed) { execute(c"import time; time.sleep(0.01)")?; }
            println!("handled");
        }
        _ => bail!("no mode {mode}"),
    }
    if ["busy", "attached"].contains(&mode) {
        println!("computed");
        execute(c"print('went on')")?;
    }
    Ok(())
}

fn execute(code: &std::ffi::CStr) -> PyResult<()> {
    Python::attach(|py| py.run(code, None, None))
}

#[tokio::main]
async fn serve() -> Result<()> {
    let kind = tokio::signal::unix::SignalKind::interrupt();
    let mut interrupts = tokio::signal::unix::signal(kind)?;
    python::start(|| {})?;
    execute(c"import atexit; atexit.register(print, 'at exit')")?;
    println!("ready");
    interrupts.recv().await;
    println!("stopping");
    execute(c"import sys; sys.exit(4)")?;
    Ok(())
}
