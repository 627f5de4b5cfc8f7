ARG T=base
ARG U="two words"
FROM localhost/${T}
ARG U
ARG V=${U:-x}
ARG W
ARG BASE=arg
LABEL u=$U v=$V w=$W b=$BASE p=${TARGETPLATFORM:-none}
