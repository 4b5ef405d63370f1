//! `gearify doctor`.

use super::{DoctorArgs, block_on, settings};
use gearify_node::cluster::identity::ClusterDir;
use gearify_node::cluster::regions;
use gearify_node::doctor::{self, Finding};
use gearify_node::runtime;
use std::io::Write;
use std::process::ExitCode;

pub fn run(arguments: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let settings = settings(&arguments.config)?;
    let findings = block_on(async {
        let core = runtime::open_to_look(&settings).await?;
        let before = doctor::contents(&core).await;
        let cluster = ClusterDir::of(&settings.node.data_dir);
        let (identity, known) = (cluster.identity()?, cluster.peers()?);
        let is_home =
            |home: &str| identity.as_ref().is_none_or(|me| regions::is_home(&known, &me.region, home));
        let mut findings = doctor::examine(&core, arguments.audit, is_home);
        if let (true, Ok(contents)) = (arguments.audit, &before) {
            findings.extend(doctor::tables_told(contents));
        }
        core.stop().await;
        if arguments.rebuild {
            let before = before?;
            doctor::remove_projections(&settings.node.data_dir)?;
            let core = runtime::open_to_look(&settings).await?;
            let after = doctor::contents(&core).await;
            core.stop().await;
            findings.extend(doctor::differences(&before, &after?));
        }
        Ok(findings)
    })?;
    print(&findings, arguments.json)?;
    let all_well = findings.iter().all(|finding| finding.ok);
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub fn print(findings: &[Finding], json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(findings)?)?;
        return Ok(());
    }
    for Finding { check, ok, detail } in findings {
        writeln!(out, "{} {check}: {detail}", if *ok { "ok  " } else { "BAD " })?;
    }
    Ok(())
}
