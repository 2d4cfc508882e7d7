"""Pixels without networks: conversion, masks, change, metrics, sheets of pictures and films."""
