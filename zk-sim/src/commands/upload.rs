//! The upload buffer, and the commands that commit it.

use zk_proto::Command;

use super::{Answer, Request, acknowledge, one};
use crate::link::Link;
use crate::reply::Reply;
use crate::terminal::Terminal;
use crate::upload::Upload;

pub(super) fn answer(terminal: &mut Terminal, link: &mut Link, request: &Request<'_>) -> Answer {
    let data = request.data;
    one(match request.command {
        Command::PREPARE_DATA => {
            link.upload = Upload::begin(data);
            acknowledge(link.upload.is_some())
        }
        Command::DATA => acknowledge(link.upload.as_mut().is_some_and(|upload| upload.add(data))),
        Command::CHECKSUM_BUFFER => match &link.upload {
            Some(upload) => Reply::ok_with(upload.sum().to_le_bytes().to_vec()),
            None => Reply::error(),
        },
        Command::TMP_WRITE => {
            acknowledge(link.upload.as_ref().is_some_and(|upload| upload.commit_template(terminal, data)))
        }
        // Sub-code 12 commits users; the others would flash firmware.
        Command::SAVE_USERTEMPS => {
            let commits = data.first() == Some(&12);
            acknowledge(commits && link.upload.as_ref().is_some_and(|upload| upload.commit_users(terminal)))
        }
        _ => return None,
    })
}
