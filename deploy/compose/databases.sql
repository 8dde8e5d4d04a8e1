-- Beside Airflow's database, which the image makes: the store of springtide's runs.
CREATE DATABASE springtide;
