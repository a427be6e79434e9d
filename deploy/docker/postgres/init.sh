#!/bin/bash
# Run once by the PostgreSQL image, when the data folder is new: the service's database and its two
# roles. <service>_owner makes and migrates the tables, <service>_app may only use what it was granted.
# The same as mercatoctl does for the native stack (Services/Mercatoctl/Native/PostgresDatabase.swift).
service=${MERCATO_SERVICE:?init.sh: MERCATO_SERVICE is not set}
for role in owner app; do
    file=/run/secrets/${service}_${role}_password
    if [ ! -s "$file" ]; then
        echo "init.sh: $file is missing or empty: the password of the role ${service}_${role}" >&2
        exit 1
    fi
done

# psql reads the passwords itself, so that no process list shows them. The database is quoted:
# "order" is a word of SQL.
psql -X -q -v ON_ERROR_STOP=1 -v service="$service" \
    --username "${POSTGRES_USER:-postgres}" --dbname postgres <<SQL
\set owner :service _owner
\set app :service _app
\set owner_password \`cat /run/secrets/${service}_owner_password\`
\set app_password \`cat /run/secrets/${service}_app_password\`
CREATE ROLE :"owner" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE :"app" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'app_password';
CREATE DATABASE :"service" OWNER :"owner";
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"service" TO :"app";
\connect :service
ALTER SCHEMA public OWNER TO :"owner";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :"app";
SQL
