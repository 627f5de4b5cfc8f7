FROM scratch
CMD echo "a  b" $HOME
ENTRYPOINT ["/x", "y z"]
