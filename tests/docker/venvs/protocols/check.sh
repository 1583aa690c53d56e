#!/bin/sh
# What has to start in the slim image.
set -e
/venv/bin/python -c 'import gssapi, ldap, lxml.etree, pyaudio, pycurl, pyodbc, xmlsec'
