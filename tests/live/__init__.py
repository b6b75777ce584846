"""The live lab: real Postfix and Dovecot on loopback, well configured and broken on purpose.

- `install-servers` installs Debian's packages; without them the tests are skipped (installed.py).
- servers/*.toml lists the servers, chapter by chapter: what is broken in each and what an audit must say. To add a
  server, add an entry there; to add a chapter, add a file; nothing else.
- authority.py, postfix.py, dovecot.py and network.py make certificates and run servers; lab.py starts the whole
  catalogue, standard.py whole mail servers on the standard ports.
- scripted.py is an SMTP server for the faults that Debian's cannot be talked into; faults/ has one module a chapter.
- independent/ has servers of other makers, well kept: whatever an audit finds on them has to be true.
- test_lab_*.py prove the lab itself, with the naive second judge of judge.py, wire.py and judges/, and no code of
  smtp_audit.
- The other tests run the audit as a user does (audited.py, audits.py) and compare what it says with the catalogue.
- detection.py makes docs/detection.md of what a run said (recorded.py); reproduce.py shows one server by hand.
"""
